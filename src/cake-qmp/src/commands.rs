//! The commands that cake uses, with their answers. Fields that QEMU adds are ignored.

mod block;
mod descriptor;
mod device;
mod machine;
mod query;
mod screen;

pub use block::{
    BlockCounters, BlockDevice, BlockImage, BlockMedium, BlockNode, BlockResize, BlockStats, BlockdevAdd, BlockdevDel,
    CloseTray, InsertMedium, OpenTray, QueryBlock, QueryBlockStats, QueryNamedBlockNodes, RemoveMedium,
};
pub use descriptor::{AddFd, AddedFd, CloseFd, GetFd, RemoveFd};
pub use device::{DeviceAdd, DeviceDel, NetdevAdd, NetdevDel, QomGet, QomItem, QomList, SetLink};
pub use machine::{Cont, Quit, Stop, SystemPowerdown, SystemReset};
pub use query::{
    Cpu, QmpCapabilities, QueryCpusFast, QueryQmpSchema, QueryStatus, QueryUuid, QueryVersion, RingbufRead, RunState,
    Status, Uuid,
};
pub use screen::{AddClient, ClientProtocol, ScreenDump};
