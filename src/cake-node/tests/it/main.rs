//! The whole daemon as a child program, with real QEMUs. As root, because it is root's.

mod confinement;
mod fences;
mod hostile_qemu;
mod life;
mod network;
mod office;
mod pools;
mod screen;
mod storm;
mod support;
mod systemd;
mod tools;
