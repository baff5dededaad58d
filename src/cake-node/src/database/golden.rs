//! A node's database as version 0.1.0 left it on the disk: this version opens it and finds everything.

use super::{Database, DatabaseError};
use cake_types::{Power, Stamp};
use std::path::{Path, PathBuf};

fn copy(folder: &Path) -> PathBuf {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/node-v1.sqlite");
    let path = folder.join("node.db");
    std::fs::copy(golden, &path).unwrap();
    path
}

#[tokio::test]
async fn what_the_first_version_left_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&copy(folder.path())).unwrap();
    let vms = database.vms_after(None, 64).await.unwrap();
    let named: Vec<_> = vms.iter().map(|row| (row.vm.meta.name.as_str(), row.vm.spec.power)).collect();
    assert_eq!(named, [("web", Power::Running), ("會計", Power::Stopped), ("spark", Power::Paused)]);
    let seed = vms[0].vm.spec.cloud_init.as_ref().unwrap();
    assert!(seed.users[0].name == "ada" && seed.users[0].ssh_keys[0].starts_with("ssh-ed25519 "));
    assert!(vms[1].vm.spec.cloud_init.as_ref().unwrap().user_data.is_some());
    let tombstones = database.tombstones().await.unwrap();
    assert_eq!(tombstones.len(), 1);
    assert_eq!(database.pools().await.unwrap().len(), 1);
    // What was removed stays removed, and a stamp that was passed stays passed.
    let mut gone = vms[2].vm.clone();
    gone.meta.id = tombstones[0].id;
    let newer = Stamp { epoch: vms[2].stamp.epoch.next(), ..vms[2].stamp };
    assert!(matches!(database.apply_vm(newer, gone, Default::default()).await, Err(DatabaseError::Refused(_))));
    let older = Stamp { generation: vms[0].stamp.generation, ..vms[2].stamp };
    assert!(matches!(
        database.apply_vm(older, vms[2].vm.clone(), Default::default()).await,
        Err(DatabaseError::Refused(_))
    ));
}
