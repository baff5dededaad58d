//! The console's certificate: brought, answered for, refused, taken back; and who gets which.

use crate::support::{App, Visitor, items, key};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// An authority outside of the rack.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
struct Leaf {
    chain: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Leaf { chain: format!("{pem}{}", self.pem), key: key.serialize_pem() }
    }
}

/// Shakes hands as a browser that trusts `ca` does; the first certificate that it is shown.
async fn shown(app: &App, ca: &str, name: &str) -> Result<Vec<u8>, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(app.running().address).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|error| error.to_string())?;
    Ok(tls.get_ref().1.peer_certificates().unwrap()[0].to_vec())
}

fn ours(app: &App) -> String {
    std::fs::read_to_string(app.state().join("ca.pem")).unwrap()
}

async fn etag(admin: &Visitor) -> String {
    admin.get("/v1/certificate").await.header("etag").to_owned()
}

async fn upload(admin: &Visitor, body: &Value) -> crate::support::Answer {
    admin.send("PUT", "/v1/certificate", &[("if-match", &etag(admin).await)], Some(body)).await
}

fn own_files(app: &App) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(app.state()).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("own-")).collect()
}

#[tokio::test]
async fn ones_own_certificate_is_used_at_once_and_nobody_is_locked_out() {
    let (mut app, admin) = App::ready().await;
    let before = admin.get("/v1/certificate").await.is(200);
    assert_eq!((&before["source"], &before["warnings"]), (&json!("built-in"), &json!([])));
    assert!(before["names"].as_array().unwrap().contains(&json!("127.0.0.1")), "{before}");
    let company = Authority::new("Example CA");
    let leaf = company.issue(&["console.example.com"], |_| {});
    // Somebody watches meanwhile.
    let mut watch = admin.request("GET", "/v1/watch").send().await.unwrap();
    assert!(watch.chunk().await.unwrap().is_some());
    let now = upload(&admin, &json!({ "chain": leaf.chain, "key": leaf.key })).await.is(200);
    assert_eq!((&now["source"], &now["names"]), (&json!("own"), &json!(["console.example.com"])));
    assert_eq!(now["warnings"], json!(["not-named"]), "nobody said that the console is called so");
    assert!(watch.chunk().await.unwrap().is_some(), "a connection goes on");
    let leaf_der = CertificateDer::from_pem_slice(leaf.chain.as_bytes()).unwrap().to_vec();
    assert_eq!(shown(&app, &company.pem, "console.example.com").await.unwrap(), leaf_der);
    // By address, and by a name that only the built-in one has, the rack's own authority is met as ever.
    shown(&app, &ours(&app), "127.0.0.1").await.unwrap();
    shown(&app, &ours(&app), "localhost").await.unwrap();
    assert!(shown(&app, &ours(&app), "console.example.com").await.is_err());
    let files = own_files(&app);
    assert_eq!(files.len(), 1);
    assert_eq!(std::fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);

    // Said to be called so, the console has nothing to warn of; the built-in one covers the name too.
    let settings = admin.get("/v1/settings").await;
    let etag_of_settings = settings.header("etag").to_owned();
    let names = json!({ "names": ["Console.example.com", "192.0.2.9"] });
    let changed = admin.patch("/v1/settings", &etag_of_settings, &names);
    assert_eq!(changed.await.is(200)["names"], json!(["console.example.com", "192.0.2.9"]));
    assert_eq!(admin.get("/v1/certificate").await.is(200)["warnings"], json!([]));

    // A file of which the Store knows nothing is what a killed upload leaves.
    std::fs::write(app.state().join("own-0000.pem"), "left over").unwrap();
    app.restart().await;
    let admin = admin.at(&app);
    assert_eq!(own_files(&app), files);
    assert_eq!(shown(&app, &company.pem, "console.example.com").await.unwrap(), leaf_der);
    let instance: Value = serde_json::from_slice(&std::fs::read(app.state().join("instance.json")).unwrap()).unwrap();
    assert_eq!(instance["fingerprint"], now["fingerprint"]);

    let stale = admin.delete("/v1/certificate", before["etag"].as_str().unwrap()).await;
    stale.refused(412, "stale");
    let back = admin.delete("/v1/certificate", &etag(&admin).await).await.is(200);
    assert_eq!(back["source"], "built-in");
    assert!(back["names"].as_array().unwrap().contains(&json!("console.example.com")), "{back}");
    assert!(own_files(&app).is_empty(), "its key is gone");
    shown(&app, &ours(&app), "console.example.com").await.unwrap();
    assert!(shown(&app, &company.pem, "console.example.com").await.is_err());
    let audit = admin.get("/v1/audit?limit=100").await.is(200);
    for action in ["certificate_upload", "certificate_reset", "settings_update"] {
        assert!(items(&audit).iter().any(|record| record["action"] == action && record["result"]["kind"] == "done"));
    }
    assert!(!audit.to_string().contains("PRIVATE"));
    let page = admin.get("/settings").await.text;
    assert!(page.contains("certificate-source") || page.contains("own authority"), "{page}");
    assert_eq!(admin.get("/v1/certificate/authority").await.text, ours(&app));
}

#[tokio::test]
async fn what_is_no_certificate_is_refused_and_changes_nothing() {
    let (app, admin) = App::ready().await;
    let company = Authority::new("Example CA");
    let other = Authority::new("Other CA");
    let leaf = company.issue(&["console.example.com"], |_| {});
    let second = company.issue(&["console.example.com"], |_| {});
    let ended = company.issue(&["a.example"], |params| params.not_after = date_time_ymd(2001, 1, 1));
    let early = company.issue(&["a.example"], |params| params.not_before = date_time_ymd(2200, 1, 1));
    let nameless = company.issue(&[], |_| {});
    let one = leaf.chain.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap();
    let cut: String =
        one.lines().take(4).chain(["-----END CERTIFICATE-----"]).map(|line| format!("{line}\n")).collect();
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old_encrypted =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (chain, key, pointer, reason) in [
        ("", &*leaf.key, "/chain", "certificate-none"),
        ("nonsense", &leaf.key, "/chain", "certificate-none"),
        (&*leaf.key, &leaf.key, "/chain", "certificate-none"),
        (&cut, &leaf.key, "/chain", "certificate-garbage"),
        ("-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n", &leaf.key, "/chain", "certificate-garbage"),
        (&one.repeat(11), &leaf.key, "/chain", "certificate-too-many"),
        (&format!("{}{one}", company.pem), &leaf.key, "/chain", "certificate-authority"),
        (&format!("{one}{}", other.pem), &leaf.key, "/chain", "certificate-order"),
        (&format!("{one}{one}"), &leaf.key, "/chain", "certificate-order"),
        (&ended.chain, &ended.key, "/chain", "certificate-expired"),
        (&early.chain, &early.key, "/chain", "certificate-not-yet"),
        (&nameless.chain, &nameless.key, "/chain", "certificate-nameless"),
        (&leaf.chain, &second.key, "/key", "key-differs"),
        (&leaf.chain, encrypted, "/key", "key-encrypted"),
        (&leaf.chain, old_encrypted, "/key", "key-encrypted"),
        (&leaf.chain, no_key, "/key", "key-kind"),
        (&leaf.chain, "nonsense", "/key", "key-none"),
        (&leaf.chain, &leaf.chain, "/key", "key-none"),
        (&leaf.chain, "", "/key", "key-missing"),
    ] {
        let answer = upload(&admin, &json!({ "chain": chain, "key": key })).await;
        answer.refused(422, "invalid");
        let problem = answer.json();
        assert_eq!((&problem["pointer"], &problem["params"]["reason"]), (&json!(pointer), &json!(reason)), "{problem}");
        assert!(!answer.text.contains("PRIVATE KEY-----\\n"), "a key is never told again");
    }
    upload(&admin, &json!({ "chain": "x".repeat(600 * 1024) })).await.refused(413, "too-large");
    upload(&admin, &json!({ "chain": 7 })).await.refused(400, "malformed-body");
    for name in ["a_b", "https://a", "", "*.a"] {
        let answer = admin.patch("/v1/settings", "*", &json!({ "names": ["ok.example", name] })).await;
        answer.refused(422, "invalid");
        assert_eq!(answer.json()["pointer"], "/names/1");
    }
    admin.patch("/v1/settings", "*", &json!({ "names": vec!["a"; 33] })).await.refused(422, "out-of-range");
    assert_eq!(admin.get("/v1/certificate").await.is(200)["source"], "built-in");
    assert!(own_files(&app).is_empty());
    assert_eq!(admin.get("/v1/settings").await.is(200)["names"], json!([]));
    let operator = admin.with_role("operator").await;
    upload(&operator, &json!({ "chain": leaf.chain, "key": leaf.key })).await.refused(403, "not-allowed");
}

#[tokio::test]
async fn a_signing_request_is_answered_and_its_key_never_leaves() {
    let (mut app, admin) = App::ready().await;
    let company = Authority::new("Example CA");
    let ask = json!({ "names": ["cake.example.com", "192.0.2.7"], "organization": "林家行" });
    let once = key();
    let headers = [("idempotency-key", once.as_str())];
    let made = admin.send("POST", "/v1/certificate/request", &headers, Some(&ask)).await.is(201);
    assert_eq!(admin.send("POST", "/v1/certificate/request", &headers, Some(&ask)).await.is(201), made);
    let pem = made["request"].as_str().unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE REQUEST-----"), "{pem}");
    assert_eq!(std::fs::metadata(app.state().join("request.key")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(admin.get("/v1/certificate").await.is(200)["requested"], true);
    for wrong in [json!({ "names": [] }), json!({ "names": ["a b"] })] {
        admin.post("/v1/certificate/request", &wrong).await.refused(422, "invalid");
    }
    let long = json!({ "names": ["a"], "organization": "x".repeat(65) });
    admin.post("/v1/certificate/request", &long).await.refused(422, "out-of-range");

    let request = CertificateSigningRequestParams::from_pem(pem).unwrap();
    let answer = request.signed_by(&company.issuer).unwrap().pem();
    app.restart().await;
    let admin = admin.at(&app);
    let now = upload(&admin, &json!({ "chain": format!("{answer}{}", company.pem) })).await.is(200);
    assert_eq!(now["names"], json!(["cake.example.com", "192.0.2.7"]));
    shown(&app, &company.pem, "cake.example.com").await.unwrap();
    // Another request has another key.
    admin.post("/v1/certificate/request", &json!({ "names": ["*.example.com"] })).await.is(201);
    let again = upload(&admin, &json!({ "chain": answer })).await;
    again.refused(422, "invalid");
    assert_eq!(again.json()["params"]["reason"], "key-differs");
    shown(&app, &company.pem, "cake.example.com").await.unwrap();
}
