//! A disk that is really full: a tmpfs of two mebibytes in a mount namespace of its own.

use std::ffi::CString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use cake_store::{
    Expect, FileError, Journal, JournalError, JournalOptions, Key, KeyPrefix, Page, Record, RecordKind, SqliteOptions,
    SqliteStore, Store, StoreError, verify_store,
};

const ROLE: &str = "CAKE_STORE_FULL_DISK";

/// The test is its own helper: started again with a directory, it is the program on the full disk.
#[test]
fn a_full_disk_refuses_writes_and_loses_nothing() {
    if let Some(directory) = std::env::var_os(ROLE) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(on_the_full_disk(Path::new(&directory)));
    }
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_full_disk_refuses_writes_and_loses_nothing", "--nocapture"]);
    command.env(ROLE, directory.path());
    let target = CString::new(directory.path().as_os_str().as_encoded_bytes()).unwrap();
    // SAFETY: only system calls between fork and exec, on memory that was prepared before.
    unsafe { command.pre_exec(move || small_disk(&target)) };
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

fn small_disk(target: &CString) -> std::io::Result<()> {
    let done = |result: i32| if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) };
    // SAFETY: plain system calls; every pointer is a C string that outlives the call, or null where that is allowed.
    unsafe {
        // Without root, a user namespace brings the right to mount.
        let user = if libc::geteuid() == 0 { 0 } else { libc::CLONE_NEWUSER };
        done(libc::unshare(libc::CLONE_NEWNS | user))?;
        let private = libc::MS_REC | libc::MS_PRIVATE;
        done(libc::mount(std::ptr::null(), c"/".as_ptr(), std::ptr::null(), private, std::ptr::null()))?;
        let (tmpfs, options) = (c"tmpfs".as_ptr(), c"size=2m".as_ptr());
        done(libc::mount(tmpfs, target.as_ptr(), tmpfs, 0, options.cast()))
    }
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

async fn on_the_full_disk(directory: &Path) {
    let store = SqliteStore::open(directory.join("store.sqlite"), SqliteOptions::default()).await.unwrap();
    let journal = Journal::open(directory.join("journal.sqlite"), JournalOptions::default()).await.unwrap();
    journal.append(record("first")).await.unwrap();
    let value = Bytes::from(vec![1u8; 16 * 1024]);
    let mut kept = 0;
    let refused = loop {
        match store.put_if(&key(&format!("/fill/{kept}")), value.clone(), Expect::Absent).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 1000, "the disk never became full");
    };
    assert!(matches!(refused, StoreError::File(FileError::DiskFull { .. })), "{refused:?}");
    let large = record(&"x".repeat(60_000));
    let refused = journal.append(large).await;
    assert!(matches!(refused, Err(JournalError::File(FileError::DiskFull { .. }))), "{refused:?}");
    let listing = store.list(&KeyPrefix::all(), Page::default()).await.unwrap();
    assert_eq!(listing.entries.len(), kept, "an acknowledged write is missing or a refused one is there");

    // Once there is room again, everything goes on without a restart.
    enlarge(directory);
    store.put_if(&key("/after"), value, Expect::Absent).await.unwrap();
    journal.append(record("second")).await.unwrap();
    store.close().await;
    journal.close().await;
    assert_eq!(verify_store(store.path()).unwrap().entries, kept as u64 + 1);
}

fn enlarge(directory: &Path) {
    let target = CString::new(directory.as_os_str().as_encoded_bytes()).unwrap();
    // SAFETY: a plain system call with C strings that outlive it.
    let result = unsafe {
        let (tmpfs, options) = (c"tmpfs".as_ptr(), c"size=16m".as_ptr());
        libc::mount(tmpfs, target.as_ptr(), tmpfs, libc::MS_REMOUNT, options.cast())
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

fn record(text: &str) -> Record {
    Record {
        kind: RecordKind::Event,
        at: jiff::Timestamp::UNIX_EPOCH,
        project: "default".into(),
        subject: "/vms/1".into(),
        actor: "system".into(),
        data: text.into(),
    }
}
