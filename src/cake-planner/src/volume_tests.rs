use super::*;
use cake_types::{
    ByteSize, DiskFile, DiskStatus, Epoch, Generation, Meta, PoolId, ProjectName, Stamp, Tags, VmId, VolumeId,
    VolumeSpec,
};
use jiff::Timestamp;
use uuid::Uuid;

const VM: VmId = VmId(Uuid::from_u128(7));
const LEFT: Left = Left { vm: VM, number: 2, generation: Generation(5) };

fn volume() -> Volume {
    let id = VolumeId(Uuid::from_u128(1));
    let at = Timestamp::UNIX_EPOCH;
    let meta = Meta {
        id,
        project: ProjectName::default(),
        name: "data".parse().unwrap(),
        generation: Generation::FIRST,
        created_at: at,
        updated_at: at,
    };
    let size = ByteSize::gib(1);
    let spec = VolumeSpec {
        pool: PoolId(Uuid::nil()),
        size,
        made: Some(size),
        file: DiskFile::of_volume(id),
        attached: None,
        left: None,
        deleting: false,
        binned: None,
        tags: Tags::default(),
    };
    Volume { meta, spec }
}

fn status(state: VmState, generation: u64, pid: Option<u32>, disks: &[u32]) -> VmStatus {
    let disk = |number: &u32| DiskStatus { number: *number, size: ByteSize(0), leaving: true, failure: None };
    let disks = disks.iter().map(disk).collect();
    VmStatus { pid, disks, ..VmStatus::at_rest(Stamp { epoch: Epoch(1), generation: Generation(generation) }, state) }
}

#[test]
fn a_guest_has_a_disk_until_it_is_sure_that_it_has_not() {
    for (state, generation, pid, disks, gone) in [
        (VmState::Running, 5, Some(1), &[0, 2][..], false),
        (VmState::Running, 5, Some(1), &[0], true),
        // It may still be told to start with it.
        (VmState::Running, 4, Some(1), &[0], false),
        (VmState::Stopped, 4, None, &[], false),
        (VmState::Stopped, 5, None, &[], true),
        (VmState::Stopped, 9, None, &[], true),
        (VmState::Failed, 5, None, &[], true),
        (VmState::Failed, 5, Some(1), &[], false),
        (VmState::Paused, 5, Some(1), &[2], false),
        (VmState::Paused, 5, Some(1), &[], true),
        (VmState::ShuttingDown, 6, Some(1), &[0], true),
        // A node that was just started has looked at nothing yet.
        (VmState::Pending, 5, None, &[], false),
        (VmState::Provisioning, 5, None, &[], false),
        (VmState::Starting, 5, Some(1), &[], false),
        (VmState::Stopping, 5, Some(1), &[], false),
        (VmState::Deleting, 5, None, &[], false),
    ] {
        let status = status(state, generation, pid, disks);
        let guest = Guest { held: None, status: Some(&status) };
        assert_eq!(has_left(&LEFT, Some(guest)), gone, "{state:?} {generation} {pid:?} {disks:?}");
    }
    assert!(has_left(&LEFT, None), "a VM that is gone has nothing");
    assert!(!has_left(&LEFT, Some(Guest::default())), "of a node that says nothing nothing is known");
    for held in [Held::Nothing, Held::Tombstone] {
        assert!(has_left(&LEFT, Some(Guest { held: Some(held), status: None })));
    }
}

#[test]
fn what_is_legal_says_why_it_is_not() {
    use VolumeState::{Attached, Binned, Deleting, Failed, Free, Leaving, Pending};
    let code = |action, state| legal(action, &volume(), state, "web").err().map(|problem| problem.code.as_str());
    for (action, states) in [
        (Action::Attach, &[Free][..]),
        (Action::Grow, &[Free]),
        (Action::Download, &[Free]),
        (Action::Rename, &[Pending, Failed, Free, Attached, Leaving]),
        (Action::Delete, &[Pending, Failed, Free, Binned]),
        (Action::Bin, &[Failed, Free]),
        (Action::Restore, &[Binned]),
    ] {
        for state in VolumeState::ALL {
            assert_eq!(code(action, state).is_none(), states.contains(&state), "{action:?} {state:?}");
        }
    }
    assert_eq!(code(Action::Delete, Attached), Some("volume-attached"));
    assert_eq!(code(Action::Attach, Leaving), Some("volume-leaving"));
    assert_eq!(code(Action::Attach, Pending), Some("volume-not-ready"));
    assert_eq!(code(Action::Attach, Binned), Some("illegal-now"));
    assert_eq!(code(Action::Rename, Deleting), Some("illegal-now"));
}

#[test]
fn steps_never_touch_a_file_that_somebody_may_have() {
    let mut one = volume();
    assert_eq!(step(&one, false), Step::Rest);
    one.spec.made = None;
    assert_eq!((step(&one, false), one.was_made()), (Step::Make, false));
    // What was a VM's disk is never made anew.
    one.spec.file = DiskFile::of_vm(VM, 2);
    assert!(one.was_made());
    one.spec.left = Some(LEFT);
    assert_eq!((step(&one, true), step(&one, false)), (Step::Rest, Step::Release));
    (one.spec.left, one.spec.deleting) = (None, true);
    assert_eq!((step(&one, false), state(&one, false, false)), (Step::Remove, VolumeState::Deleting));
    (one.spec.deleting, one.spec.attached) = (false, Some(VM));
    for leaving in [false, true] {
        assert_eq!((step(&one, leaving), state(&one, leaving, true)), (Step::Rest, VolumeState::Attached));
    }
}
