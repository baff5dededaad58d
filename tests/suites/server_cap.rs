//! How much a server may draw, from the command to the BMC, and back when the BMC forgets it.

use anyhow::{Context, Result, ensure};
use cake_bmc_sim::{Description, Sim};
use cake_tests::{ADMIN, Cake, DEADLINE, Instance};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn bmc(more: &str) -> Result<Sim> {
    let user = "[[users]]\nid = 2\nname = \"admin\"\npassword = \"laboratory\"\nprivilege = 4\n";
    Sim::start(Description::parse(&format!("{more}\n{user}"))?).await
}

fn limit(sim: &Sim) -> Result<Value> {
    let state: Value = serde_json::from_str(&sim.control("state").map_err(anyhow::Error::msg)?)?;
    Ok(state["limit"].clone())
}

/// The command, logged in.
async fn cake(instance: &Instance) -> Result<Cake> {
    let cake = instance.cake();
    let login = ["login", "--user", ADMIN, "--password-stdin"];
    let said = cake.run_with(&login, format!("{}\n", cake_tests::PASSWORD).as_bytes()).await?;
    ensure!(said.code == 0, "{said:?}");
    Ok(cake)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_reaches_the_bmc_and_is_kept_there() -> Result<()> {
    let (instance, client) = Instance::ready().await?;
    let (able, unable) = (bmc("watts = 240\nleast_limit = 100").await?, bmc("").await?);
    for (name, sim) in [("able", &able), ("unable", &unable)] {
        let address = sim.address();
        let bmc = json!({ "host": address.ip().to_string(), "port": address.port(), "user": "admin",
            "password": "laboratory", "access": "ipmi" });
        let added = client.add_server(&json!({ "name": name, "bmc": bmc })).await?;
        let heard = client.server_heard(&added.id.to_string()).await?;
        ensure!(heard.problem.is_none(), "{}", heard.json);
    }
    let cake = cake(&instance).await?;
    let said = cake.ok(&["server", "cap", "able", "300"]).await?;
    ensure!(said.out.contains("300 W") && limit(&able)? == 300, "{said:?}");
    let shown = client.server("able").await?.cap.clone().context("a cap")?;
    ensure!(shown.watts == Some(300) && shown.trouble.is_none(), "{shown:?}");

    // What the BMC does not take is said; what was in force stays.
    let said = cake.json(&["server", "cap", "able", "60"]).await?;
    ensure!(said["cap"]["trouble"] == "out-of-range" && limit(&able)? == 300, "{said}");
    let said = cake.ok(&["server", "cap", "able", "none"]).await?;
    ensure!(said.out.contains("as much as it likes") && limit(&able)?.is_null(), "{said:?}");
    let said = cake.run(&["server", "cap", "able", "much"]).await?;
    ensure!(said.code != 0 && said.err.contains("is no limit"), "{said:?}");

    // Forgotten by the BMC, or switched off by somebody else, it is set again.
    cake.ok(&["server", "cap", "able", "280"]).await?;
    ensure!(limit(&able)? == 280);
    let other = tokio::process::Command::new("ipmitool")
        .args(["-I", "lanplus", "-C", "17", "-H", "127.0.0.1", "-p", &able.address().port().to_string()])
        .args(["-U", "admin", "-P", "laboratory", "dcmi", "power", "deactivate"])
        .output()
        .await?;
    ensure!(other.status.success() && limit(&able)?.is_null(), "{other:?}");
    let began = Instant::now();
    while limit(&able)? != 280 {
        ensure!(began.elapsed() < DEADLINE, "it was not set again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // One that cake leaves alone stays as it is.
    cake.ok(&["server", "cap", "able", "leave"]).await?;
    ensure!(limit(&able)? == 280);

    let refused = cake.run(&["server", "cap", "unable", "300"]).await?;
    ensure!(refused.code != 0 && refused.err.contains("can’t limit power"), "{refused:?}");
    Ok(())
}
