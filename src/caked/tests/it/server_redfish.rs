//! What only Redfish knows or does, over the API.

use crate::support::{App, Visitor, items};
use cake_types::{BmcDrive, BmcMedium};
use serde_json::json;

async fn lab(app: &App, admin: &Visitor) {
    let bmc = json!({ "host": "192.0.2.7", "user": "admin", "password": "ge heim" });
    admin.post("/v1/servers", &json!({ "name": "lab-1", "bmc": bmc })).await.is(201);
    admin.until("/v1/servers/lab-1", |_| app.node.with(|state| !state.bmcs.watched.is_empty())).await;
}

fn drive(number: u32, serial: &str) -> BmcDrive {
    BmcDrive {
        id: format!("/redfish/v1/Chassis/1/Drives/{number}"),
        name: format!("Bay {number}"),
        model: "MZ7L33T8".into(),
        serial: serial.into(),
        lit: Some(false),
    }
}

#[tokio::test]
async fn a_drive_is_lit_by_what_it_is_called() {
    let (app, admin) = App::ready().await;
    lab(&app, &admin).await;
    admin.get("/v1/servers/lab-1/drives").await.refused(409, "bmc-cannot");
    let light = "/v1/servers/lab-1/drive-light";
    admin.post(light, &json!({ "drive": "Bay 0", "on": true })).await.refused(409, "bmc-cannot");
    app.node.with(|state| state.bmcs.drives = Some(vec![drive(0, "S-A"), drive(1, "S-B")]));
    let lit = || {
        app.node
            .with(|state| state.bmcs.drives.iter().flatten().map(|drive| drive.lit == Some(true)).collect::<Vec<_>>())
    };
    for (name, expected) in [("Bay 1", [false, true]), ("S-A", [true, true])] {
        let told = admin.post(light, &json!({ "drive": name, "on": true })).await.is(200);
        assert_eq!((&told["lit"], lit().as_slice()), (&json!(true), expected.as_slice()), "{name}");
    }
    let id = "/redfish/v1/Chassis/1/Drives/0";
    admin.post(light, &json!({ "drive": id, "on": false })).await.is(200);
    assert_eq!(lit(), [false, true]);
    let list = admin.get("/v1/servers/lab-1/drives").await.is(200);
    assert_eq!((items(&list).len(), &items(&list)[1]["lit"]), (2, &json!(true)));
    for drive in ["", "Bay 2", "/redfish/v1/Managers/1", "../../etc"] {
        admin.post(light, &json!({ "drive": drive, "on": true })).await.refused(404, "no-such-drive");
    }
    for wrong in [json!({ "drive": "Bay 0" }), json!({ "on": true }), json!({ "drive": 0, "on": true })] {
        let answer = admin.post(light, &wrong).await;
        assert!([400, 422].contains(&answer.status), "{wrong}: {}", answer.text);
    }
    assert_eq!(lit(), [false, true], "nothing was changed");
    admin.get("/v1/servers/sim-1/drives").await.refused(409, "no-bmc");
    admin.get("/v1/servers/nobody/drives").await.refused(404, "not-found");
    let operator = admin.with_role("operator").await;
    operator.post(light, &json!({ "drive": "S-B", "on": false })).await.is(200);
    let viewer = admin.with_role("viewer").await;
    viewer.get("/v1/servers/lab-1/drives").await.is(200);
    viewer.post(light, &json!({ "drive": "S-B", "on": true })).await.refused(403, "not-allowed");
    let audit = admin.get("/v1/audit?limit=200").await.is(200);
    let done = items(&audit)
        .iter()
        .filter(|record| record["action"] == "server_drive_light" && record["result"]["kind"] != "refused");
    assert!(done.count() >= 4, "{audit}");
}

#[tokio::test]
async fn virtual_media_come_from_where_others_may_fetch_from() {
    let (app, admin) = App::ready().await;
    lab(&app, &admin).await;
    let (insert, eject) = ("/v1/servers/lab-1/media/insert", "/v1/servers/lab-1/media/eject");
    let image = "https://192.0.2.80/installer.iso";
    admin.post(insert, &json!({ "image": image })).await.refused(409, "bmc-cannot");
    let slot = |name: &str, kind: &str| BmcMedium {
        id: format!("/redfish/v1/Managers/1/VirtualMedia/{name}"),
        name: name.into(),
        kinds: vec![kind.into()],
        image: None,
    };
    app.node.with(|state| {
        state.bmcs.drives = Some(Vec::new());
        state.bmcs.media = vec![slot("Stick", "USBStick"), slot("Cd", "CD")];
    });
    let inside = || app.node.with(|state| state.bmcs.media.iter().map(|slot| slot.image.clone()).collect::<Vec<_>>());
    let told = admin.post(insert, &json!({ "image": image })).await.is(200);
    assert_eq!((&told["name"], inside()), (&json!("Cd"), vec![None, Some(image.to_owned())]), "the one for CDs");
    let list = admin.get("/v1/servers/lab-1/media").await.is(200);
    assert_eq!(items(&list)[1]["image"], image);
    admin.post(eject, &json!({})).await.is(200);
    admin.post(insert, &json!({ "image": image, "slot": "Stick" })).await.is(200);
    assert_eq!(inside(), [Some(image.to_owned()), None]);
    for (image, code) in [
        ("http://127.0.0.1/x.iso", "url-forbidden"),
        ("https://169.254.169.254/latest", "url-forbidden"),
        ("https://[::1]/x.iso", "url-forbidden"),
        ("https://localhost/x.iso", "url-forbidden"),
        ("https://user:secret@192.0.2.80/x.iso", "invalid"),
        ("file:///etc/passwd", "invalid"),
        ("nfs://192.0.2.80/x.iso", "invalid"),
        ("installer.iso", "invalid"),
        ("", "invalid"),
    ] {
        admin.post(insert, &json!({ "image": image })).await.refused(422, code);
    }
    admin.post(insert, &json!({ "image": image, "slot": "Floppy" })).await.refused(404, "no-such-slot");
    admin.post(eject, &json!({ "slot": "Floppy" })).await.refused(404, "no-such-slot");
    assert_eq!(inside(), [Some(image.to_owned()), None], "nothing was changed");
    let operator = admin.with_role("operator").await;
    operator.post(insert, &json!({ "image": image })).await.refused(403, "not-allowed");
}

#[tokio::test]
async fn versions_and_settings_are_read() {
    let (app, admin) = App::ready().await;
    lab(&app, &admin).await;
    for part in ["firmware", "bios", "media"] {
        let address = format!("/v1/servers/lab-1/{part}");
        admin.get(&address).await.refused(409, "bmc-cannot");
        admin.get(&format!("/v1/servers/sim-1/{part}")).await.refused(409, "no-bmc");
    }
    app.node.with(|state| state.bmcs.drives = Some(Vec::new()));
    let firmware = admin.get("/v1/servers/lab-1/firmware").await.is(200);
    assert_eq!((&items(&firmware)[0]["name"], &items(&firmware)[0]["version"]), (&json!("BIOS"), &json!("R 1.9")));
    let bios = admin.get("/v1/servers/lab-1/bios").await.is(200);
    assert_eq!((&items(&bios)[0]["name"], &items(&bios)[0]["value"]), (&json!("BootMode"), &json!("Uefi")));
}
