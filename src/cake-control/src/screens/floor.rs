//! Who of a screen's viewers is in control. Pure.
//!
//! Whoever comes when nobody is in control has it, if their role allows input at all. Whoever asks has it from then on: the newest
//! wins, and who lost it can ask again. When the one in control leaves, nobody has it until somebody asks or comes.

use serde::Serialize;

/// Viewers of one screen at a time.
pub const VIEWERS_MAX: usize = 16;

/// One connection, not one person: the same person may look twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewerId(u64);

#[derive(Debug)]
struct Viewer {
    id: ViewerId,
    name: String,
    may: bool,
}

#[derive(Debug, Default)]
pub struct Floor {
    viewers: Vec<Viewer>,
    control: Option<ViewerId>,
    next: u64,
}

/// What one viewer is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Control {
    /// This viewer is in control.
    pub yours: bool,
    /// This viewer may take control.
    pub may: bool,
    /// Who is in control.
    pub by: Option<String>,
    pub viewers: usize,
}

impl Floor {
    /// `may`: the role allows input. None: there are too many.
    pub fn join(&mut self, name: &str, may: bool) -> Option<ViewerId> {
        if self.viewers.len() >= VIEWERS_MAX {
            return None;
        }
        let id = ViewerId(self.next);
        self.next += 1;
        self.viewers.push(Viewer { id, name: name.into(), may });
        if self.control.is_none() {
            self.take(id);
        }
        Some(id)
    }

    pub fn take(&mut self, id: ViewerId) {
        if self.viewers.iter().any(|viewer| viewer.id == id && viewer.may) {
            self.control = Some(id);
        }
    }

    pub fn leave(&mut self, id: ViewerId) {
        self.viewers.retain(|viewer| viewer.id != id);
        if self.control == Some(id) {
            self.control = None;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.viewers.is_empty()
    }

    /// How things are for one viewer.
    pub fn control(&self, id: ViewerId) -> Control {
        let by = self.viewers.iter().find(|viewer| Some(viewer.id) == self.control);
        Control {
            yours: self.control == Some(id),
            may: self.viewers.iter().any(|viewer| viewer.id == id && viewer.may),
            by: by.map(|viewer| viewer.name.clone()),
            viewers: self.viewers.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_newest_who_asks_has_it() {
        let mut floor = Floor::default();
        let looker = floor.join("guest", false).unwrap();
        assert_eq!(floor.control(looker), Control { viewers: 1, ..Control::default() });
        let first = floor.join("mei", true).unwrap();
        let second = floor.join("wei", true).unwrap();
        assert!(floor.control(first).yours && !floor.control(second).yours);
        floor.take(second);
        let told = floor.control(first);
        assert_eq!(told, Control { yours: false, may: true, by: Some("wei".into()), viewers: 3 });
        floor.take(looker);
        assert!(floor.control(second).yours, "a viewer's role never gets input");
        floor.take(first);
        floor.leave(first);
        assert_eq!(floor.control(second).by, None);
        let third = floor.join("lin", true).unwrap();
        assert!(floor.control(third).yours);
    }

    proptest! {
        #[test]
        fn at_most_one_is_in_control_and_it_may(steps in prop::collection::vec((0..3u8, 0..20u64, any::<bool>()), 0..100)) {
            let (mut floor, mut here) = (Floor::default(), Vec::new());
            for (step, number, may) in steps {
                match step {
                    0 => if let Some(id) = floor.join("x", may) { here.push((id, may)) },
                    1 => floor.take(ViewerId(number)),
                    _ => {
                        floor.leave(ViewerId(number));
                        here.retain(|(id, _)| *id != ViewerId(number));
                    }
                }
                prop_assert!(here.len() <= VIEWERS_MAX);
                let control: Vec<_> = here.iter().filter(|(id, _)| floor.control(*id).yours).collect();
                prop_assert!(control.len() <= 1 && control.iter().all(|(_, may)| *may));
                prop_assert_eq!(control.is_empty(), floor.control(ViewerId(u64::MAX)).by.is_none());
                prop_assert_eq!(floor.is_empty(), here.is_empty());
            }
        }
    }
}
