//! A TPM and Secure Boot, as they are asked for.

use crate::support::{App, items, vm};
use cake_types::GuestOs;
use serde_json::{Value, json};

#[tokio::test]
async fn a_vm_has_what_its_guest_asks_for() {
    let (app, admin) = App::ready().await;
    app.node.has_cd(11, "windows-11");
    app.node.with(|node| node.images.last_mut().unwrap().spec.os = GuestOs::Windows);
    app.node.tell_image("windows-11");
    admin.until("/v1/images", |images| items(images).iter().any(|image| image["os"] == "windows")).await;
    let made = |name: &'static str, more: Value| {
        let admin = admin.clone();
        async move {
            let mut new = vm(name);
            new["image"] = json!("windows-11");
            new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            admin.done(admin.post("/v1/vms", &new).await).await;
            let shown = admin.get(&format!("/v1/vms/{name}")).await.is(200);
            let hardware = &shown["hardware"];
            ["tpm", "secure_boot", "windows"].map(|field| hardware[field].as_bool().unwrap_or_default())
        }
    };
    assert_eq!(made("usual", json!({})).await, [true, true, true]);
    assert_eq!(made("without", json!({ "tpm": false, "secure_boot": false })).await, [false, false, true]);
    assert_eq!(made("bios", json!({ "firmware": "bios" })).await, [false, false, true]);
    let mut linux = vm("linux");
    linux["secure_boot"] = json!(true);
    linux["firmware"] = json!("bios");
    admin.post("/v1/vms", &linux).await.refused(422, "invalid");
    linux["firmware"] = json!("uefi");
    admin.done(admin.post("/v1/vms", &linux).await).await;
    let hardware = admin.get("/v1/vms/linux").await.is(200)["hardware"].clone();
    assert_eq!(
        (&hardware["secure_boot"], &hardware["tpm"], &hardware["windows"]),
        (&json!(true), &json!(null), &json!(null))
    );
}
