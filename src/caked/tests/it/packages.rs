//! VMs in one file, over the API: a new VM is like the machine that its image came with, and what does not fit is refused.

use crate::support::{App, Visitor, items, vm};
use cake_types::{ByteSize, FailureCode, Firmware, ImageId, ImageMachine};
use serde_json::{Value, json};

fn machine() -> ImageMachine {
    ImageMachine {
        name: "公司 wiki".parse().ok(),
        cpus: 2,
        memory: ByteSize::mib(384),
        firmware: Firmware::Uefi,
        secure_boot: true,
        tpm: true,
        everyday: true,
        nics: 2,
    }
}

async fn known(admin: &Visitor, name: &str) {
    admin.until("/v1/images", |images| items(images).iter().any(|image| image["name"] == name)).await;
}

#[tokio::test]
async fn a_new_vm_is_like_the_machine_of_its_image() {
    let (app, admin) = App::ready().await;
    app.node.has_package(7, "wiki", machine(), &[8 << 20, 4 << 20]);
    known(&admin, "wiki").await;
    let image = admin.get("/v1/images/wiki").await.is(200);
    assert_eq!(image["more_disks"], json!([8 << 20, 4 << 20]));
    assert_eq!((&image["machine"]["cpus"], &image["machine"]["memory"]), (&json!(2), &json!(384 << 20)));
    // Nothing is asked but a name.
    admin.done(admin.post("/v1/vms", &json!({ "name": "one", "image": "wiki" })).await).await;
    let one = admin.get("/v1/vms/one").await.is(200);
    assert_eq!((&one["cpus"], &one["memory"], &one["firmware"]), (&json!(2), &json!(384 << 20), &json!("uefi")));
    let parts: Vec<(&Value, &Value)> =
        one["disks"].as_array().unwrap().iter().map(|disk| (&disk["size"], &disk["part"])).collect();
    assert_eq!(parts, [(&json!(64 << 20), &Value::Null), (&json!(8 << 20), &json!(1)), (&json!(4 << 20), &json!(2))]);
    let hardware = &one["hardware"];
    assert_eq!((&hardware["tpm"], &hardware["secure_boot"]), (&json!(true), &json!(true)));
    assert_eq!(
        (hardware["disks"][2]["bus"].as_str(), hardware["nics"][1]["model"].as_str()),
        (Some("sata"), Some("e1000e"))
    );
    assert_eq!(hardware["nics"].as_array().unwrap().len(), 2);
    // It has been set up elsewhere: no seed puzzles it, unless somebody writes one.
    assert_eq!(hardware["seed"], Value::Null);
    // What is asked counts.
    let mut asked = vm("two");
    (asked["image"], asked["cpus"], asked["memory"]) = ("wiki".into(), 1.into(), "128MiB".into());
    (asked["firmware"], asked["tpm"], asked["network"]) = ("bios".into(), false.into(), "none".into());
    admin.done(admin.post("/v1/vms", &asked).await).await;
    let two = admin.get("/v1/vms/two").await.is(200);
    assert_eq!((&two["cpus"], &two["memory"], &two["firmware"]), (&json!(1), &json!(128 << 20), &json!("bios")));
    assert_eq!((&two["hardware"]["tpm"], two["hardware"].get("secure_boot")), (&Value::Null, None));
    assert_eq!(two["hardware"]["nics"], json!([]));
    let page = admin.get("/images").await.text;
    assert!(page.contains("2 vCPUs · 384 MiB · 3 disks") && page.contains("76 MiB"), "{page}");
    let form = admin.get("/vms/new").await.text;
    assert!(form.contains("2 more disks, 12 MiB together") && form.contains("data-suggestion=\"公司 wiki\""), "{form}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_nothing_is_made() {
    let (app, admin) = App::ready().await;
    app.node.has_package(7, "cpus", ImageMachine { cpus: 64, ..machine() }, &[]);
    app.node.has_package(8, "memory", ImageMachine { memory: ByteSize(1 << 50), ..machine() }, &[]);
    app.node.has_package(9, "disks", machine(), &[1 << 20; 5]);
    app.node.has_package(10, "huge", machine(), &[1 << 50]);
    known(&admin, "huge").await;
    for (image, status, code, pointer) in [
        ("cpus", 422, "too-many-cpus", "/cpus"),
        ("memory", 422, "too-much-memory", "/memory"),
        ("disks", 422, "too-many-disks", "/image"),
        ("huge", 422, "disk-does-not-fit", "/disk"),
        // One that came without a machine says nothing.
        ("cake-tiny", 422, "invalid", "/cpus"),
    ] {
        let answer = admin.post("/v1/vms", &json!({ "name": "no", "image": image })).await;
        assert_eq!(answer.json()["pointer"], pointer, "{image}: {}", answer.text);
        answer.refused(status, code);
    }
    let language = [("accept-language", "zh-TW"), ("idempotency-key", "7")];
    let answer = admin.send("POST", "/v1/vms", &language, Some(&json!({ "name": "no", "image": "disks" }))).await;
    assert!(answer.text.contains("有6個磁碟") && answer.text.contains("只放得下5個"), "{}", answer.text);
    assert!(items(&admin.get("/v1/vms").await.is(200)).is_empty());
}

#[tokio::test]
async fn why_a_package_is_refused_is_said_in_both_languages() {
    let (app, admin) = App::ready().await;
    for (name, code, english, chinese) in [
        ("several", FailureCode::PackageSeveral, "holds more than one VM", "不只一台虛擬機器"),
        ("packed", FailureCode::PackageCompressed, "is compressed once more", "再壓縮過一次"),
    ] {
        let import = admin.post("/v1/imports", &json!({ "name": name, "size": 9 })).await.is(201);
        let id: ImageId = import["id"].as_str().unwrap().parse().unwrap();
        let shown = admin.until(&format!("/v1/imports/{name}"), |import| import["state"] == "receiving").await;
        let task = format!("/tasks/{}", shown["task"].as_str().unwrap());
        app.node.import_fails(id, code);
        let end = admin.until(&format!("/v1{task}"), |task| !task["end"].is_null()).await;
        assert_eq!(end["end"]["code"], code.as_str());
        assert!(admin.get(&task).await.text.contains(english));
        let page = admin.send("GET", &task, &[("cookie-language", "zh"), ("accept-language", "zh-TW")], None).await;
        assert!(page.text.contains(chinese), "{}", page.text);
    }
}
