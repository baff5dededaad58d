//! What only Redfish knows or does, over the API.

use crate::support::{App, Visitor, items};
use cake_types::BmcDrive;
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
