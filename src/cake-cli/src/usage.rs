//! `cake node usage` and `cake vm usage`: a curve for each measure.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use cake_client::Seen;
use cake_client::wire::UsageHistory;
use cake_i18n::format;
use cake_types::{Measure, NODE_MEASURES, VM_MEASURES};

/// Characters of a curve.
const WIDTH: usize = 32;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

pub fn show(context: &Context, history: &Seen<UsageHistory>) -> Result<(), Failure> {
    let columns = [
        ("cli-col-measure", Align::Text),
        ("cli-col-now", Align::Number),
        ("cli-col-mean", Align::Number),
        ("cli-col-most", Align::Number),
        ("cli-col-curve", Align::Text),
    ];
    if let Some(at) = history.set_aside_at {
        context.say("cli-usage-set-aside", &[("when", &context.time(Some(at)))]);
    }
    let known = NODE_MEASURES.iter().chain(&VM_MEASURES).map(|measure| Measure::as_str(*measure));
    let mut names: Vec<&str> = known.filter(|name| history.mean.contains_key(*name)).collect();
    // A newer server's new measures as they are.
    let new: Vec<&str> = history.mean.keys().map(String::as_str).filter(|name| !names.contains(name)).collect();
    names.extend(new);
    let rows = names.into_iter().filter_map(|name| row(context, history, name));
    context.list(&history.json, &columns, rows.collect())
}

/// Nothing for what was never measured.
fn row(context: &Context, history: &UsageHistory, name: &str) -> Option<Vec<String>> {
    let mean = history.mean.get(name)?;
    let known: Vec<f64> = mean.iter().flatten().copied().collect();
    let now = *known.last()?;
    let average = known.iter().sum::<f64>() / known.len() as f64;
    let most = history.max.as_ref().and_then(|max| max.get(name)).unwrap_or(mean);
    let most = most.iter().flatten().copied().fold(now, f64::max);
    let value = |value| format::measured(name, value);
    Some(vec![title(context, name), value(now), value(average), value(most), curve(mean)])
}

/// `Disks: read`.
fn title(context: &Context, name: &str) -> String {
    let what = name.split('_').next().unwrap_or_default();
    let (title, word) = (format!("usage-{what}"), format!("usage-{}", name.replace('_', "-")));
    if !context.words.has(&title) || !context.words.has(&word) {
        return name.to_owned();
    }
    let colon = context.text("colon");
    format!("{}{colon}{}", context.words.text_of(&title), output::known(context.words, &word, name))
}

/// The largest value reaches to the top, nothing is the bottom, and a gap is a gap.
fn curve(points: &[Option<f64>]) -> String {
    let top = points.iter().flatten().copied().fold(0.0, f64::max);
    let part = |at: usize| &points[at * points.len() / WIDTH..(at + 1) * points.len() / WIDTH];
    let bar = |part: &[Option<f64>]| {
        let most = part.iter().flatten().copied().reduce(f64::max)?;
        let share = if top > 0.0 { most / top } else { 0.0 };
        Some(BARS[((share * 7.0).round() as usize).min(7)])
    };
    (0..WIDTH).map(|at| bar(part(at)).unwrap_or(' ')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_its_top_its_bottom_and_its_gaps() {
        let mut points: Vec<_> = (0..320).map(|at| Some(f64::from(at))).collect();
        points[..20].fill(None);
        let drawn: Vec<char> = curve(&points).chars().collect();
        assert_eq!((drawn.len(), drawn[0], drawn[1], drawn[31]), (WIDTH, ' ', ' ', '█'));
        assert!(drawn[2..].windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(curve(&[Some(0.0); 64]), "▁".repeat(WIDTH));
        assert_eq!(curve(&[]), " ".repeat(WIDTH));
    }
}
