//! A rack that breaks by a script, what is noticed of it, and what cake makes of that.

mod monitors;
mod physics;
mod rack;
mod script;
mod transcript;

pub use physics::STEP;
pub use rack::{Build, Rack};
pub use script::{Case, parse};
pub use transcript::{right, transcript};

use cake_planner::cause::Scene;
use jiff::Timestamp;

/// Plays a case and returns what is known at its end.
pub fn play(case: &Case) -> (Rack, Scene) {
    let start: Timestamp = "2026-03-02T03:00:00Z".parse().expect("a time");
    let rack = Rack::new(case.build.clone());
    let mut world = physics::World::new(&case.build, case.seed, case.battery);
    let mut monitors = monitors::Monitors::new(&rack, case.wire, case.seed, start);
    while world.now < case.minutes * 60 {
        let due = world.now..world.now + STEP;
        for fault in case.faults.iter().filter(|fault| due.contains(&fault.at)) {
            script::happen(&mut world, &mut monitors, fault);
        }
        world.step();
        monitors.look(&world);
    }
    let now = start + jiff::SignedDuration::from_secs(world.now);
    let (seen, clear) = monitors.told();
    let scene = Scene { now, graph: rack.graph.clone(), seen, clear, told: None };
    (rack, scene)
}
