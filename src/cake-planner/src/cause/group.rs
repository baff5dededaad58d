//! Alerts in groups, each with what lies beneath it, in terms that a page or a message can tell.

use super::{Cause, Evidence, Facts, Graph, Guess, Ix, Verdict, explain};
use cake_types::{
    AlertId, CauseEvidence, CauseGuess, CauseReport, CauseSign, CauseThing, CauseVerdict, EvidenceKind, Grouping,
    Symptom, ThingKind,
};
use std::collections::BTreeSet;

/// So many lines of evidence of each sort are told.
const LINES: usize = 12;

/// All alerts, each in exactly one group: those with a cause first, the weightiest first.
pub fn group(facts: &Facts) -> Vec<Grouping> {
    let mut groups = Vec::new();
    let mut alone: Vec<AlertId> = Vec::new();
    for cause in explain(facts.scene()) {
        let beneath: Vec<AlertId> = cause.beneath.iter().filter_map(|number| facts.alerts[*number].clone()).collect();
        match cause.verdict {
            // What has no explanation has nothing in common either.
            Verdict::NotKnown { ref between, .. } if between.is_empty() => alone.extend(beneath),
            _ if beneath.is_empty() => {}
            _ => groups.push(Grouping { cause: Some(report(facts, &cause)), beneath }),
        }
    }
    alone.extend(facts.others.iter().cloned());
    groups.extend(alone.into_iter().map(|alert| Grouping { cause: None, beneath: vec![alert] }));
    groups
}

fn report(facts: &Facts, cause: &Cause) -> CauseReport {
    let (scene, graph) = (facts.scene(), &facts.scene().graph);
    let guess = |cause, of, confidence| CauseGuess { cause, thing: thing(graph, of), confidence };
    let verdict = match &cause.verdict {
        Verdict::Known { cause, thing, confidence } => CauseVerdict::Known(guess(*cause, *thing, *confidence)),
        Verdict::NotKnown { between, tell } => CauseVerdict::NotKnown {
            between: between
                .iter()
                .map(|Guess { cause, thing, confidence }| guess(*cause, *thing, *confidence))
                .collect(),
            tell: tell.iter().map(|(of, symptom)| sign(graph, *of, *symptom)).collect(),
        },
    };
    let line = |evidence: &Evidence| match *evidence {
        Evidence::For(number) | Evidence::Against(number) => {
            let seen = &scene.seen[number];
            let how = if matches!(evidence, Evidence::For(_)) { EvidenceKind::For } else { EvidenceKind::Against };
            CauseEvidence { how, sign: sign(graph, seen.thing, seen.symptom), at: Some(seen.at) }
        }
        Evidence::Missing(of, symptom) => {
            CauseEvidence { how: EvidenceKind::Missing, sign: sign(graph, of, symptom), at: None }
        }
    };
    let mut evidence: Vec<CauseEvidence> = Vec::new();
    for how in EvidenceKind::ALL {
        evidence.extend(cause.evidence.iter().map(line).filter(|line| line.how == *how).take(LINES));
    }
    evidence.sort_by_key(|line| (line.at.is_none(), line.at));
    let suffering = cause.touched.iter().chain(cause.beneath.iter().map(|number| &scene.seen[*number].thing));
    let vms: BTreeSet<Ix> = suffering.copied().filter(|ix| graph.thing(*ix).kind == ThingKind::Vm).collect();
    let of = vms.iter().flat_map(|vm| graph.below(*vm)).filter(|ix| graph.thing(*ix).kind == ThingKind::Project);
    let projects: BTreeSet<String> = of.map(|ix| graph.thing(ix).name.clone()).collect();
    let is_server = |ix: &&Ix| graph.thing(**ix).kind == ThingKind::Server;
    let servers: BTreeSet<String> =
        cause.touched.iter().filter(is_server).map(|ix| graph.thing(*ix).name.clone()).collect();
    let (servers, projects) = (servers.into_iter().collect(), projects.into_iter().collect());
    CauseReport { verdict, since: cause.since, evidence, servers, vms: vms.len(), projects }
}

fn thing(graph: &Graph, ix: Ix) -> CauseThing {
    let thing = graph.thing(ix);
    CauseThing { kind: thing.kind, name: thing.name.clone(), subject: thing.subject.clone() }
}

fn sign(graph: &Graph, ix: Ix, symptom: Symptom) -> CauseSign {
    CauseSign { thing: thing(graph, ix), symptom }
}
