//! What a person reads of a case, and whether cake was right.

use super::{Case, Rack};
use cake_planner::cause::{Cause, Evidence, Ix, Scene, Verdict};
use cake_types::Symptom;
use std::collections::BTreeSet;
use std::fmt::Write;

/// So many lines of what was seen are shown.
const SHOWN: usize = 14;

/// The true causes come first, in any order; what nobody can know is said to be unknown.
pub fn right(case: &Case, rack: &Rack, causes: &[Cause]) -> bool {
    let said = |cause: &Cause| match cause.known() {
        Some((kind, thing)) => (kind.as_str().to_owned(), rack.graph.thing(thing).name.clone()),
        None => ("not-known".to_owned(), String::new()),
    };
    let first: BTreeSet<_> = causes.iter().take(case.truth.len()).map(said).collect();
    first == case.truth.iter().cloned().collect()
}

pub fn transcript(case: &Case, scene: &Scene, causes: &[Cause]) -> String {
    let mut text = format!("== {}\n", case.name);
    for fault in &case.faults {
        let _ = writeln!(text, "   {:>5} s  {} {} {}", fault.at, fault.what, fault.which, fault.how);
    }
    let _ = writeln!(text, "seen: {}, looked at and well: {}", scene.seen.len(), scene.clear.len());
    for (number, _) in scene.seen.iter().enumerate().take(SHOWN) {
        let _ = writeln!(text, "   {}", seen(scene, number));
    }
    if scene.seen.len() > SHOWN {
        let _ = writeln!(text, "   … and {} more", scene.seen.len() - SHOWN);
    }
    causes.iter().for_each(|cause| told(&mut text, scene, cause));
    text.push('\n');
    text
}

fn told(text: &mut String, scene: &Scene, cause: &Cause) {
    let name = |thing: Ix| scene.graph.thing(thing).name.clone();
    match &cause.verdict {
        Verdict::Known { cause: kind, thing, confidence } => {
            let _ = writeln!(text, "-> {} {} ({confidence} %)", kind.as_str(), name(*thing));
        }
        Verdict::NotKnown { between, tell } => {
            let guesses: Vec<String> = between
                .iter()
                .map(|guess| format!("{} {} ({} %)", guess.cause.as_str(), name(guess.thing), guess.confidence))
                .collect();
            let _ = writeln!(text, "-> not known: {}", guesses.join(" or "));
            for (thing, symptom) in tell {
                let _ = writeln!(text, "   would tell: {}", sign(scene, *thing, *symptom));
            }
        }
    }
    let (beneath, touched) = (cause.beneath.len(), cause.touched.len());
    let _ = writeln!(text, "   explains {beneath}, touches {touched}");
    let speaks = |one: &Evidence| match one {
        Evidence::For(number) => format!("+ {}", seen(scene, *number)),
        Evidence::Against(number) => format!("- {}", seen(scene, *number)),
        Evidence::Missing(thing, symptom) => format!("? not seen: {}", sign(scene, *thing, *symptom)),
    };
    let show = |text: &mut String, all: Vec<&Evidence>| {
        for one in all.iter().take(4) {
            let _ = writeln!(text, "   {}", speaks(one));
        }
    };
    show(text, cause.evidence.iter().filter(|one| matches!(one, Evidence::For(_))).collect());
    show(text, cause.evidence.iter().filter(|one| !matches!(one, Evidence::For(_))).collect());
}

fn seen(scene: &Scene, number: usize) -> String {
    let seen = &scene.seen[number];
    format!("{} {}", seen.at.strftime("%d. %H:%M:%S"), sign(scene, seen.thing, seen.symptom))
}

fn sign(scene: &Scene, thing: Ix, symptom: Symptom) -> String {
    format!("{} {}", scene.graph.thing(thing).name, symptom.as_str())
}
