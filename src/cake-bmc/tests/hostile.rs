//! A BMC that answers anything at all: nothing breaks, and nothing goes on for ever.

#[path = "support/fake.rs"]
mod fake;

use cake_bmc::{Bmc, Completion, Ipmi, Request, Response};
use fake::{Fake, Machine};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Rarely a refusal, mostly bytes; now and then those of a record that could be one.
fn anything(random: &mut StdRng, request: &Request) -> Response {
    if random.random_bool(0.05) {
        // All but "busy": that is only waiting.
        return Response { completion: Completion(random.random_range(0xc1..=0xff)), data: vec![] };
    }
    let mut data = vec![0; random.random_range(0..80)];
    random.fill(&mut data[..]);
    let record = matches!((request.net_fn, request.command), (0x0a, 0x23) | (0x04, 0x21));
    if record && data.len() > 8 {
        // Next record, header of the specification's version, of some type, of a length that may fit.
        let length = data.len() as u8;
        data[4..7].copy_from_slice(&[
            0x51,
            [0x01, 0x02, 0x03, 0x11][random.random_range(0..4)],
            length.wrapping_sub(7),
        ]);
        data[7] = 0x20;
    }
    if (request.net_fn, request.command) == (0x0a, 0x43) {
        data.resize(18, 2);
    }
    if request.net_fn == 0x0a && data.len() > 1 && random.random_bool(0.2) {
        // The last one.
        data[..2].fill(0xff);
    }
    Response { completion: Completion::OK, data }
}

#[tokio::test]
async fn no_answer_breaks_it_or_keeps_it() {
    let (mut sensors, mut events, mut parts) = (0, 0, 0);
    for seed in 0..400 {
        let mut random = StdRng::seed_from_u64(seed);
        // The fewer bytes are counted, the sooner a record that never ends is noticed.
        let mut asked = 0;
        let trick = move |_: &mut Machine, request: &Request| {
            asked += 1;
            assert!(asked < 400_000, "seed {seed} asks for ever");
            Some(anything(&mut random, request))
        };
        let mut ipmi = Ipmi::new(Fake::with(Machine::default(), trick), None);
        for _ in 0..2 {
            let _ = ipmi.device().await;
            if let Ok(reading) = ipmi.read().await {
                sensors += reading.sensors.len();
                assert!(reading.sensors.iter().all(|sensor| sensor.value.is_none_or(f64::is_finite)));
            }
            events += ipmi.events(None).await.map_or(0, |log| log.events.len());
            let _ = ipmi.events(Some("0001-00000000")).await;
            parts += ipmi.parts().await.map_or(0, |parts| parts.len());
            let _ = (ipmi.boot().await, ipmi.users().await, ipmi.lan().await, ipmi.watchdog().await);
            let _ = (ipmi.power_reading().await, ipmi.power_limit().await);
        }
    }
    // The nonsense went deep enough to be a test.
    assert!(sensors > 100 && events > 100 && parts > 100, "{sensors} {events} {parts}");
}
