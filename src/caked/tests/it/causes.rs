//! One cause, one card: alerts that belong together are told together.

use crate::support::{App, items};
use cake_types::{Failure, FailureCode, VmId, VmState};
use serde_json::{Value, json};

fn id(vm: &Value) -> VmId {
    vm["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_pool_fills_and_the_guests_that_wait_for_it_lie_beneath_it() {
    let (app, admin) = App::ready().await;
    assert!(items(&admin.get("/v1/causes").await.is(200)).is_empty());
    assert!(admin.get("/alerts").await.text.contains("No alerts"));
    let guests = [id(&admin.running_vm("web").await), id(&admin.running_vm("mail").await)];
    app.node.pools_fill(99);
    for guest in guests {
        app.node.happens(guest, |status| {
            status.state = VmState::Paused;
            status.failure = Some(Failure { code: FailureCode::NoSpace, detail: "a test".into() });
        });
    }
    let whole = |list: &Value| items(list).first().is_some_and(|first| first["alerts"].as_array().unwrap().len() == 3);
    let causes = admin.until("/v1/causes", whole).await;
    let [cause] = &items(&causes)[..] else { panic!("one cause: {causes}") };
    assert_eq!((&cause["cause"]["kind"], &cause["cause"]["thing"]["name"]), (&json!("pool-fills"), &json!("local")));
    assert_eq!((&cause["vms"], &cause["between"]), (&json!(2), &json!([])));
    assert!(cause["message"].as_str().unwrap().contains("local has filled up"), "{cause}");
    assert!(cause["evidence"].as_array().unwrap().iter().any(|line| line["sign"]["symptom"] == "paused-no-space"));
    // The page shows one card with the alerts beneath it, in both languages.
    let page = admin.get("/alerts?lang=en").await.text;
    assert_eq!(page.matches("data-test=\"cause\"").count(), 1, "{page}");
    assert_eq!(page.matches("data-test=\"alert\"").count(), 3, "{page}");
    assert!(page.contains("Why cake thinks so") && page.contains("3 alerts beneath it"));
    assert!(admin.get("/alerts?lang=zh-Hant-TW").await.text.contains("判斷的依據"));
    // In parts, and whoever may look may look.
    let first = admin.get("/v1/causes?limit=1").await.is(200);
    assert_eq!(items(&first).len(), 1);
    admin.get("/v1/causes?limit=0").await.refused(400, "bad-parameter");
    let viewer = admin.with_role("viewer").await;
    assert_eq!(items(&viewer.get("/v1/causes").await.is(200)).len(), 1);
    // It is over when they are over.
    app.node.pools_fill(10);
    for guest in guests {
        app.node.happens(guest, |status| (status.state, status.failure) = (VmState::Running, None));
    }
    admin.until("/v1/causes", |list| items(list).is_empty()).await;
}

#[tokio::test]
async fn what_has_nothing_in_common_has_no_card() {
    let (app, admin) = App::ready().await;
    let web = id(&admin.running_vm("web").await);
    app.node.pools_fill(83);
    app.node.happens(web, |status| {
        (status.state, status.failure) =
            (VmState::Failed, Some(Failure { code: FailureCode::CrashLoop, detail: "a test".into() }));
    });
    let causes = admin.until("/v1/causes", |list| items(list).len() == 2).await;
    assert!(items(&causes).iter().all(|cause| cause["alerts"].as_array().unwrap().len() == 1), "{causes}");
    let page = admin.get("/alerts?lang=en").await.text;
    assert!(!page.contains("data-test=\"cause\"") && page.matches("data-test=\"alert\"").count() == 2, "{page}");
}
