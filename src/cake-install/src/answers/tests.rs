use super::*;

const GOOD: &str = r#"name = "Rack 1"
time_zone = "Asia/Taipei"

[administrator]
name = "admin"
password = "correct horse"

[install]
disks = ["A1", "A2"]
pool_disks = ["P1", "P2"]
erase = ["A1"]
save_recovery_key = true
then = "poweroff"

[install.network]
method = "static"
address = "192.0.2.7/24"
gateway = "192.0.2.1"
dns = ["192.0.2.1"]
vlan = 12
links = ["eno1", "52:54:00:12:34:56"]
"#;

#[test]
fn every_field_is_read() {
    let answers = parse(GOOD).unwrap();
    assert_eq!(answers.setup.unwrap().name.as_str(), "Rack 1");
    let install = answers.install;
    assert_eq!((install.disks.len(), install.pool_disks.len(), install.then), (2, 2, Then::Poweroff));
    assert!(install.save_recovery_key && install.pool_layout == PoolLayout::Mirrored);
    assert_eq!(install.network.unwrap().vlan, Some(12));
}

#[test]
fn without_the_wizards_answers_the_wizard_asks() {
    let answers = parse("[install]\ndisks = [\"A1\"]\n").unwrap();
    assert_eq!((answers.setup, answers.install.then), (None, Then::Reboot));
}

/// The answers to the wizard that come with cake, and disks.
#[test]
fn the_example_of_the_wizard_can_be_used() {
    let example = include_str!("../../../../image/examples/cake-setup.toml");
    let answers = parse(&format!("{example}\n[install]\ndisks = [\"A1\"]\n")).unwrap();
    assert!(answers.setup.is_some());
}

/// What is changed in the good file, and the whole message.
const BAD: &[(&str, &str, &str)] = &[];

#[test]
fn each_mistake_is_told_where_it_is() {
    for (from, to, message) in BAD {
        assert!(GOOD.contains(from), "{from}");
        let error = parse(&GOOD.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.to_string(), *message, "{from} -> {to}");
    }
}

#[test]
fn a_password_is_never_shown() {
    for wrong in ["password = 12345678", "password = hunter22", "password = [\"hunter22\"]", "pasword = \"hunter22\""] {
        let error = parse(&GOOD.replace("password = \"correct horse\"", wrong)).unwrap_err().to_string();
        assert!(!error.contains("hunter22") && !error.contains("12345678"), "{error}");
    }
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let error = parse(&format!("{GOOD}#{}", " ".repeat(FILE_MAX))).unwrap_err();
    assert_eq!(error.to_string(), "line 1, column 1: the file is larger than 1024 KiB");
}
