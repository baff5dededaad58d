//! Scripted faults in a simulated rack: the true cause is named first, and thin evidence is called thin.
//!
//! The scripts lie in `causes/*.txt`, what cake makes of them in `causes/*.told`; `UPDATE_GOLDEN=1` writes those anew.

mod cause_sim;

use cake_planner::cause::{Clear, Scene, Seen, explain};
use cake_types::{Severity, Symptom};
use cause_sim::{Build, Case, Rack, parse, play, right, transcript};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn scripts() -> Vec<(PathBuf, Vec<Case>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/causes");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("scripts")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .collect();
    files.sort();
    let read = |path: PathBuf| (path.clone(), parse(&std::fs::read_to_string(path).expect("a script")));
    files.into_iter().map(read).collect()
}

#[test]
fn the_true_cause_comes_first() {
    let (mut all, mut good, mut wrong) = (0, 0, Vec::new());
    for (path, cases) in scripts() {
        let mut told = String::new();
        let before = good;
        for case in &cases {
            let (rack, scene) = play(case);
            let causes = explain(&scene);
            assert_eq!(causes, explain(&scene), "{}: the same scene has the same answer", case.name);
            let text = transcript(case, &scene, &causes);
            let is_right = right(case, &rack, &causes);
            all += 1;
            good += usize::from(is_right);
            if !is_right {
                wrong.push(format!("{text}   in truth: {:?}", case.truth));
            }
            told.push_str(&text);
        }
        println!("{:>3} of {:>3} right  {}", good - before, cases.len(), path.file_stem().unwrap().display());
        golden(&path.with_extension("told"), &told);
    }
    println!("{good} of {all} right");
    wrong.iter().for_each(|wrong| println!("{wrong}\n"));
    assert!(all >= 120, "{all} cases are too few");
    assert!(good * 100 >= all * 95, "only {good} of {all} are right");
}

/// The scripts were not written for one throw of the dice: with others, and nothing lost, it is no worse.
#[test]
fn other_dice_change_little() {
    let (mut all, mut good) = (0, 0);
    for case in scripts().into_iter().flat_map(|(_, cases)| cases).filter(|case| !case.is_unlucky()) {
        for seed in 1..=3 {
            let case = Case { seed: case.seed + seed * 1000, ..case.clone() };
            let (rack, scene) = play(&case);
            let causes = explain(&scene);
            all += 1;
            let is_right = right(&case, &rack, &causes);
            good += usize::from(is_right);
            if !is_right {
                println!("{}   in truth: {:?}\n", transcript(&case, &scene, &causes), case.truth);
            }
        }
    }
    println!("{good} of {all} right with other dice");
    assert!(good * 100 >= all * 90, "only {good} of {all} are right");
}

fn golden(path: &Path, told: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, told).expect("a transcript");
        return;
    }
    let was = std::fs::read_to_string(path).unwrap_or_default();
    let first = was.lines().zip(told.lines()).find(|(was, is)| was != is);
    assert!(was == told, "{}: another answer than before, first at {first:?}; see UPDATE_GOLDEN", path.display());
}

/// How long it takes for fifty servers with a thousand VMs, when everything fails in every way at once. It is told, not asserted: the
/// machine that tests has other things to do.
#[test]
fn a_rack_of_fifty_servers_and_a_thousand_guests() {
    let text =
        "whole-rack\n rack servers=50 vms=20 psus=1 nics=1\n minutes=15\n 300 feed a fails\n is feed-lost feed-a\n";
    let case = parse(text).remove(0);
    let (rack, mut scene) = play(&case);
    let begun = std::time::Instant::now();
    let causes = explain(&scene);
    println!("{} seen of {} things: {:?}", scene.seen.len(), scene.graph.len(), begun.elapsed());
    assert!(right(&case, &rack, &causes));
    // The hardest: a thousand guests crash, each for itself, over an hour.
    scene.seen = (1..=50)
        .flat_map(|n| (1..=20).map(move |vm| (n, vm)))
        .map(|(n, vm)| Seen {
            thing: rack.find(&format!("vm-{n}.{vm}")),
            symptom: Symptom::Crashed,
            at: scene.now - SignedDuration::from_secs(10 + (n * 2654435761_i64 + vm * 40503) % 3600),
            severity: Severity::Error,
            lasts: true,
        })
        .collect();
    let begun = std::time::Instant::now();
    let causes = explain(&scene);
    println!(
        "{} seen of {} things: {:?}, {} causes",
        scene.seen.len(),
        scene.graph.len(),
        begun.elapsed(),
        causes.len()
    );
    assert_eq!(causes.iter().map(|cause| cause.beneath.len()).sum::<usize>(), 1000);
}

/// Anything at all that may be said of a small rack.
fn any_scene() -> impl Strategy<Value = Scene> {
    let build = Build { servers: 2, vms: 2, ..Build::default() };
    let graph = Rack::new(build).graph;
    let things = graph.len();
    let seen = (0..things, 0..Symptom::ALL.len(), -4000_i64..4000, 0..3_usize);
    let clear = (0..things, 0..=Symptom::ALL.len(), -4000_i64..4000);
    (prop::collection::vec(seen, 0..40), prop::collection::vec(clear, 0..20)).prop_map(move |(seen, clear)| {
        let now: Timestamp = "2026-03-02T04:00:00Z".parse().expect("a time");
        let thing = |at: usize| graph.all().nth(at).expect("a thing");
        let time = |at| now + SignedDuration::from_secs(at);
        let seen = seen.into_iter().map(|(at, symptom, when, severity)| Seen {
            thing: thing(at),
            symptom: Symptom::ALL[symptom],
            at: time(when),
            severity: [Severity::Info, Severity::Warning, Severity::Error][severity],
            lasts: when % 2 == 0,
        });
        let clear = clear.into_iter().map(|(at, symptom, when)| Clear {
            thing: thing(at),
            symptom: Symptom::ALL.get(symptom).copied(),
            at: time(when),
        });
        Scene { now, graph: graph.clone(), seen: seen.collect(), clear: clear.collect(), told: None }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is said: nothing is explained twice, and nothing bad is passed over in silence.
    #[test]
    fn everything_bad_lies_beneath_one_cause(scene in any_scene()) {
        let causes = explain(&scene);
        let mut beneath: Vec<usize> = causes.iter().flat_map(|cause| cause.beneath.iter().copied()).collect();
        let all = beneath.len();
        beneath.sort_unstable();
        beneath.dedup();
        prop_assert_eq!(all, beneath.len(), "explained twice");
        for (number, seen) in scene.seen.iter().enumerate() {
prop_assert!(seen.severity == Severity::Info || beneath.binary_search(&number).is_ok(), "{number} is nowhere");
        }
    }
}
