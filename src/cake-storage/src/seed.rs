//! A NoCloud seed: the small FAT disk labelled `CIDATA` by which cloud-init, and cake-tiny, learn who they are.

use cake_types::{CloudInit, GuestUser, VmId};
use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};
use serde_json::{Value, json};
use std::io::{self, Cursor, Write};

/// The least that holds the largest user-data; FAT12.
const SIZE: usize = 512 * 1024;

/// The disk's bytes. `user_data`: the opened seal of [`CloudInit::user_data`].
pub fn image(vm: VmId, cloud_init: &CloudInit, user_data: Option<&str>) -> io::Result<Vec<u8>> {
    let files = [
        ("meta-data", meta_data(vm, cloud_init)),
        ("user-data", user_data.map_or_else(|| own_user_data(cloud_init), str::to_owned)),
    ];
    let mut disk = Cursor::new(vec![0; SIZE]);
    let options = FormatVolumeOptions::new().fat_type(FatType::Fat12).volume_label(*b"CIDATA     ").volume_id(0xca4e);
    fatfs::format_volume(&mut disk, options)?;
    {
        let file_system = FileSystem::new(&mut disk, FsOptions::new())?;
        let root = file_system.root_dir();
        for (name, text) in files {
            root.create_file(name)?.write_all(text.as_bytes())?;
        }
    }
    Ok(disk.into_inner())
}

/// cloud-init reads YAML; each value is written as JSON, which YAML contains, so that nothing in it can become something else.
fn meta_data(vm: VmId, cloud_init: &CloudInit) -> String {
    format!("instance-id: {}\nlocal-hostname: {}\n", json!(vm), json!(cloud_init.hostname))
}

fn own_user_data(cloud_init: &CloudInit) -> String {
    let mut config = json!({ "hostname": cloud_init.hostname });
    if !cloud_init.users.is_empty() {
        config["users"] = cloud_init.users.iter().map(user).collect();
    }
    // Keys at the top in lines of their own, for readers simpler than cloud-init.
    let lines = config.as_object().into_iter().flatten().map(|(key, value)| format!("{key}: {value}\n"));
    format!("#cloud-config\n{}", lines.collect::<String>())
}

fn user(GuestUser { name, ssh_keys, administrator }: &GuestUser) -> Value {
    let mut user = json!({
        "name": name,
        "ssh_authorized_keys": ssh_keys,
        "shell": "/bin/bash",
        "lock_passwd": true,
    });
    if *administrator {
        user["sudo"] = json!("ALL=(ALL) NOPASSWD:ALL");
    }
    user
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use uuid::Uuid;

    fn cloud_init(users: Vec<GuestUser>) -> CloudInit {
        CloudInit { hostname: "web-1".parse().unwrap(), users, user_data: None }
    }

    fn read(disk: Vec<u8>, name: &str) -> String {
        let file_system = FileSystem::new(Cursor::new(disk), FsOptions::new()).unwrap();
        assert_eq!(file_system.volume_label(), "CIDATA");
        let mut text = String::new();
        file_system.root_dir().open_file(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_seed_says_who_the_guest_is() {
        let vm = VmId(Uuid::from_u128(7));
        let disk = image(vm, &cloud_init(Vec::new()), None).unwrap();
        assert_eq!(
            read(disk.clone(), "meta-data"),
            "instance-id: \"00000000-0000-0000-0000-000000000007\"\nlocal-hostname: \"web-1\"\n"
        );
        assert_eq!(read(disk, "user-data"), "#cloud-config\nhostname: \"web-1\"\n");
    }

    #[test]
    fn nothing_in_a_key_becomes_configuration() {
        let key = "ssh-ed25519 AAAA x\"\nruncmd: [reboot]\n#".to_owned();
        let users = vec![GuestUser { name: "ann".into(), ssh_keys: vec![key.clone()], administrator: true }];
        let text = read(image(VmId(Uuid::nil()), &cloud_init(users), None).unwrap(), "user-data");
        let line = text.lines().find_map(|line| line.strip_prefix("users: ")).unwrap();
        let users: Value = serde_json::from_str(line).unwrap();
        assert_eq!(users[0]["ssh_authorized_keys"][0], key);
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn the_largest_user_data_fits() {
        let text = "x".repeat(cake_types::limits::USER_DATA_MAX);
        let disk = image(VmId(Uuid::nil()), &cloud_init(Vec::new()), Some(&text)).unwrap();
        assert_eq!(read(disk, "user-data"), text);
    }
}
