//! Installing from the wizard: which disks are proposed, and how an installation stands.

use cake_types::{
    ByteSize, INSTALL_DISKS_MAX, INSTALL_SERIAL_MAX, InstallChoice, InstallDisk, InstallLayout, InstallNews,
    InstallPhase, InstallState, OperationId, Problem,
};
use jiff::Timestamp;

/// Steps after which disks boot, or nearly: calling off from here on would leave half an installation that starts.
const NO_WAY_BACK: [&str; 3] = ["boot", "name", "entries"];

/// What is proposed: the two smallest disks of equal size mirror each other as system disks, or the smallest one alone; all others are
/// for VMs. Only disks with nothing on them, and those that stay in the server.
pub fn proposal(disks: &[InstallDisk]) -> InstallChoice {
    let mut free: Vec<&InstallDisk> =
        disks.iter().filter(|disk| disk.unfit.is_none() && disk.content.free && !disk.disk.removable).collect();
    free.sort_by_key(|disk| disk.disk.size);
    let fit = |at: usize| free.get(at).filter(|disk| disk.fits_system);
    let pair = (0..free.len()).find(|at| {
        let sizes = fit(*at).zip(fit(at + 1)).map(|(one, other)| (one.disk.size, other.disk.size));
        sizes.is_some_and(|(one, other)| one == other)
    });
    let system: Vec<usize> = match pair {
        Some(at) => vec![at, at + 1],
        None => (0..free.len()).find(|at| fit(*at).is_some()).into_iter().collect(),
    };
    // Without a system disk nothing is installed.
    let rest: Vec<&InstallDisk> = match system.as_slice() {
        [] => Vec::new(),
        chosen => free.iter().enumerate().filter(|(at, _)| !chosen.contains(at)).map(|(_, disk)| *disk).collect(),
    };
    let named = |disk: &InstallDisk| disk.disk.identity().to_owned();
    let sizes: Vec<ByteSize> = rest.iter().map(|disk| disk.disk.size).collect();
    // An array counts each disk as its smallest.
    let alike = sizes.windows(2).all(|two| two[0] == two[1]);
    InstallChoice {
        disks: system.iter().map(|at| named(free[*at])).collect(),
        pool_disks: rest.into_iter().map(named).collect(),
        pool_layout: if alike { InstallLayout::Mirrored } else { InstallLayout::Separate },
        erase: Vec::new(),
    }
}

/// What a choice can be wrong in before any disk is looked at.
///
/// # Errors
/// The first mistake, with its place: `/install/disks/1`.
pub fn check(choice: &InstallChoice) -> Result<(), Problem> {
    let InstallChoice { disks, pool_disks, pool_layout: _, erase } = choice;
    let wrong = |list: &str, reason: &str| Problem::invalid(list, reason).at(&format!("/install/{list}"));
    if !(1..=2).contains(&disks.len()) {
        return Err(wrong("disks", "install-system-disks"));
    }
    let lists = [("disks", disks), ("pool_disks", pool_disks), ("erase", erase)];
    for (list, serials) in lists {
        if serials.len() > INSTALL_DISKS_MAX {
            return Err(wrong(list, "install-too-many"));
        }
        for (index, serial) in serials.iter().enumerate() {
            let at = format!("/install/{list}/{index}");
            let length = serial.chars().count();
            if serial.trim().is_empty() || length > INSTALL_SERIAL_MAX || serial.chars().any(char::is_control) {
                return Err(wrong(list, "install-serial").at(&at));
            }
            if serials[..index].contains(serial) || (list == "pool_disks" && disks.contains(serial)) {
                return Err(wrong(list, "install-twice").at(&at));
            }
            if list == "erase" && !disks.contains(serial) && !pool_disks.contains(serial) {
                return Err(wrong(list, "install-erases-nothing").at(&at));
            }
        }
    }
    Ok(())
}

/// How an installation stands by what was told of it. `lives`: the program that installs is still there.
pub fn state(
    operation: OperationId,
    started_at: Timestamp,
    news: impl IntoIterator<Item = InstallNews>,
    lives: bool,
) -> InstallState {
    let begun = InstallState {
        phase: InstallPhase::Running,
        operation: Some(operation),
        started_at: Some(started_at),
        cancellable: true,
        ..InstallState::default()
    };
    let mut state = news.into_iter().fold(begun, told);
    if state.phase == InstallPhase::Running && !lives {
        state.phase = InstallPhase::Failed;
        state.detail = Some("the installer ended without saying how".into());
    }
    state.cancellable &= state.phase == InstallPhase::Running;
    state
}

fn told(state: InstallState, news: InstallNews) -> InstallState {
    match news {
        InstallNews::Step { number, of, step, thousandths } => {
            let cancellable = !NO_WAY_BACK.contains(&step.as_str());
            InstallState { number, of, step, thousandths, cancellable, ..state }
        }
        InstallNews::Key { key } => InstallState { recovery_key: Some(key), ..state },
        InstallNews::Done => InstallState { phase: InstallPhase::Done, thousandths: 1000, ..state },
        InstallNews::Failed { detail, cancelled } => {
            let phase = if cancelled { InstallPhase::Cancelled } else { InstallPhase::Failed };
            InstallState { phase, detail: Some(detail), ..state }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::{DiskHealth, InstallContent, InstallContentKind, InstallWhy, ServerBus, ServerDisk, ShownKey};

    fn disk(serial: &str, gib: u64, free: bool) -> InstallDisk {
        let disk = ServerDisk {
            name: serial.to_lowercase(),
            model: None,
            serial: Some(serial.into()),
            size: ByteSize::gib(gib),
            bus: ServerBus::Nvme,
            rotational: false,
            removable: false,
            health: DiskHealth::default(),
        };
        let kind = if free { InstallContentKind::Empty } else { InstallContentKind::Whole };
        let content = InstallContent { kind, free, name: None, version: None, parts: 0, systems: Vec::new() };
        InstallDisk { disk, content, unfit: None, used_as: Vec::new(), fits_system: gib >= 8 }
    }

    fn proposed(disks: &[InstallDisk]) -> String {
        let InstallChoice { disks, pool_disks, pool_layout, erase } = proposal(disks);
        assert!(erase.is_empty(), "nothing is proposed to be lost");
        format!("{} | {} {}", disks.join(" "), pool_disks.join(" "), pool_layout.as_str())
    }

    #[test]
    fn the_smallest_pair_is_for_the_system_and_the_rest_for_vms() {
        let free = |all: &[(&str, u64)]| all.iter().map(|(serial, gib)| disk(serial, *gib, true)).collect::<Vec<_>>();
        assert_eq!(proposed(&free(&[("A", 100)])), "A |  mirrored");
        assert_eq!(proposed(&free(&[("A", 100), ("B", 100)])), "A B |  mirrored");
        let rack = free(&[("P", 4000), ("A", 480), ("Q", 4000), ("B", 480)]);
        assert_eq!(proposed(&rack), "A B | P Q mirrored");
        // No two are equal: one system disk, and a pool on each of the others.
        assert_eq!(proposed(&free(&[("A", 100), ("B", 200), ("C", 300)])), "A | B C separate");
        // The smallest pair is too small to start from.
        assert_eq!(proposed(&free(&[("S", 4), ("T", 4), ("A", 100)])), "A | S T mirrored");
        assert_eq!(proposed(&free(&[("S", 4)])), " |  mirrored");
        assert_eq!(proposed(&[]), " |  mirrored");
    }

    #[test]
    fn what_holds_something_or_leaves_is_not_proposed() {
        let mut stick = disk("STICK", 32, true);
        stick.disk.removable = true;
        let mut used = disk("USED", 100, true);
        used.unfit = Some(InstallWhy::Used);
        let all = [stick, used, disk("FULL", 100, false), disk("A", 200, true)];
        assert_eq!(proposed(&all), "A |  mirrored");
    }

    #[test]
    fn a_choice_that_cannot_be_is_told_with_its_place() {
        let owned = |serials: &[&str]| serials.iter().map(|serial| (*serial).to_owned()).collect::<Vec<_>>();
        let of = |disks: &[&str], pool_disks: &[&str], erase: &[&str]| {
            let (disks, pool_disks, erase) = (owned(disks), owned(pool_disks), owned(erase));
            let checked = check(&InstallChoice { disks, pool_disks, pool_layout: InstallLayout::Mirrored, erase });
            checked.map_err(|problem| (problem.params["reason"].clone(), problem.pointer.unwrap()))
        };
        assert_eq!(of(&["A", "B"], &["C"], &["A", "C"]), Ok(()));
        let long = "x".repeat(INSTALL_SERIAL_MAX + 1);
        for (disks, pool, erase, reason, at) in [
            (&[][..], &[][..], &[][..], "install-system-disks", "/install/disks"),
            (&["A", "B", "C"], &[], &[], "install-system-disks", "/install/disks"),
            (&["A", "A"], &[], &[], "install-twice", "/install/disks/1"),
            (&["A"], &["B", "A"], &[], "install-twice", "/install/pool_disks/1"),
            (&["A"], &[" "], &[], "install-serial", "/install/pool_disks/0"),
            (&["A"], &[long.as_str()], &[], "install-serial", "/install/pool_disks/0"),
            (&["A\n"], &[], &[], "install-serial", "/install/disks/0"),
            (&["A"], &[], &["A", "Z"], "install-erases-nothing", "/install/erase/1"),
        ] {
            assert_eq!(of(disks, pool, erase), Err((reason.into(), at.into())));
        }
        let many: Vec<String> = (0..=INSTALL_DISKS_MAX).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(of(&["A"], &many, &[]), Err(("install-too-many".into(), "/install/pool_disks".into())));
    }

    fn step(number: u32, step: &str) -> InstallNews {
        InstallNews::Step { number, of: 16, step: step.into(), thousandths: number * 10 }
    }

    #[test]
    fn an_installation_is_what_was_told_of_it() {
        let (operation, at) = (OperationId::now(), Timestamp::UNIX_EPOCH);
        let of = |news: &[InstallNews], lives| state(operation, at, news.to_vec(), lives);
        let begun = of(&[], true);
        assert_eq!((begun.phase, begun.number, begun.cancellable), (InstallPhase::Running, 0, true));
        let half = of(&[step(1, "release"), step(9, "firmware")], true);
        assert_eq!((half.number, half.of, half.step.as_str(), half.cancellable), (9, 16, "firmware", true));
        let late = of(&[step(14, "boot")], true);
        assert_eq!((late.phase, late.cancellable), (InstallPhase::Running, false));
        let key = InstallNews::Key { key: ShownKey("secret".into()) };
        let done = of(&[step(16, "entries"), key.clone(), InstallNews::Done], false);
        assert_eq!((done.phase, done.cancellable, done.thousandths), (InstallPhase::Done, false, 1000));
        assert!(done.recovery_key.is_some() && !format!("{done:?}").contains("secret"));
        let killed = of(&[step(9, "firmware")], false);
        assert_eq!((killed.phase, killed.cancellable), (InstallPhase::Failed, false));
        assert!(killed.detail.is_some());
        let stopped = InstallNews::Failed { detail: "cancelled".into(), cancelled: true };
        assert_eq!(of(&[step(3, "divide"), stopped], false).phase, InstallPhase::Cancelled);
    }
}
