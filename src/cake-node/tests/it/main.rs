//! The whole daemon as a child program, with real QEMUs. As root, because it is root's.

mod confinement;
mod devices;
mod drives;
mod exports;
mod fences;
mod history;
mod hostile_qemu;
mod imports;
mod leaving;
mod life;
mod network;
mod nut;
mod office;
mod packages;
mod pools;
mod screen;
mod server_disks;
mod servers;
mod sticks;
mod storm;
mod support;
mod systemd;
mod tools;
mod trust;
mod ups;
mod volumes;
