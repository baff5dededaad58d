//! The catalogues are complete, alike in every language, real Fluent, and written in the words of Taiwan.

use cake_i18n::{Catalogue, Words};
use cake_types::{
    AlertKind, AlertTurn, BmcAccess, BmcProblem, BootDevice, CauseKind, ChassisVerb, Code, DeviceKind, DiskSilence,
    DiskVerdict, DiskWarning, Entity, EventKind, EvidenceKind, ExitReason, FailureCode, Firmware, GuestOs, HandsOff,
    HostSetting, ImageFormat, Language, LeavingStage, LeavingWay, MailSecurity, NameError, PartFact, PartTrouble,
    Permission, PowerRestore, Priority, ReleaseRefused, Restart, SendTrouble, SensorGroup, SensorState, SensorUnit,
    ServerBus, SetupError, Severity, SnmpProblem, SoftReboot, StickFormat, StickTrouble, Symptom, TagError, TaskKind,
    TaskState, TcgReason, ThingKind, UpsFlag, UpsProblem, UpsShutdown, VmState, WebhookTemplate,
};
use fluent_bundle::{FluentArgs, FluentBundle, FluentResource};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn all() -> Vec<&'static Words> {
    Language::ALL.into_iter().map(Catalogue::get).collect()
}

fn folder(language: Language) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("locales").join(language.tag())
}

fn files(language: Language) -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(folder(language))
        .expect("a folder for every language")
        .map(|entry| entry.expect("readable").path())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("text"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_language_has_the_same_messages_with_the_same_variables() {
    let english = Catalogue::get(Language::English);
    let ids: Vec<_> = english.ids().collect();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "no id twice");
    for words in all() {
        assert_eq!(words.ids().collect::<Vec<_>>(), ids, "{}", words.tag());
        for id in &ids {
            assert_eq!(words.variables(id), english.variables(id), "{} {id}", words.tag());
            // Between two Chinese sentences there is nothing; and a number of times has no sign.
            const SILENT: [&str; 4] = ["sentence-gap", "sensor-unit-none", "sensor-unit-count", "sensor-unit-other"];
            let may_be_silent = SILENT.contains(id);
            assert!(may_be_silent || !words.source(id).unwrap_or_default().is_empty(), "{} {id} is empty", words.tag());
        }
    }
    let names = |language| files(language).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(Language::English), names(Language::ChineseTaiwan));
}

/// The oracle: the Fluent project's own resolver says the same as ours, for every message, for one and for many.
#[test]
fn our_resolver_agrees_with_fluents_own() {
    for language in Language::ALL {
        let mut bundle = FluentBundle::new(vec![language.tag().parse().expect("a language tag")]);
        bundle.set_use_isolating(false);
        for (name, text) in files(language) {
            let resource = FluentResource::try_new(text).unwrap_or_else(|(_, errors)| panic!("{name}: {errors:?}"));
            bundle.add_resource(resource).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
        }
        let words = Catalogue::get(language);
        for id in words.ids() {
            for count in ["0", "1", "2", "21"] {
                let mut args = FluentArgs::new();
                let mut values = Vec::new();
                for name in words.variables(id) {
                    args.set(name, count.parse::<u32>().expect("a number"));
                    values.push((name, count));
                }
                let message = bundle.get_message(id).unwrap_or_else(|| panic!("{id} is not read by Fluent"));
                let mut errors = Vec::new();
                let theirs = bundle.format_pattern(message.value().expect("a text"), Some(&args), &mut errors);
                assert_eq!(errors, [], "{id}");
                assert_eq!(words.text_with(id, &values), theirs, "{} {id}", language.tag());
            }
        }
    }
}

/// A text over several lines would gain spaces between Chinese words; only selectors have more than one line.
#[test]
fn only_selectors_have_more_than_one_line() {
    for words in all() {
        for id in words.ids() {
            let text = words.source(id).expect("a text");
            assert!(!text.contains('\n') || text.starts_with("{ $") && text.contains("->"), "{} {id}", words.tag());
        }
    }
}

#[test]
fn every_word_of_the_vocabulary_is_there() {
    for words in all() {
        let has = |id: String| assert!(words.has(&id), "{} has no {id}", words.tag());
        for code in Code::ALL {
            has(format!("problem-{code}"));
            has(format!("problem-{code}-next"));
            has(format!("problem-{code}-short"));
        }
        for kind in TaskKind::ALL {
            has(format!("task-{}", kind.as_str()));
            has(format!("task-kind-{}", kind.as_str()));
            has(format!("task-done-{}", kind.as_str()));
        }
        for state in [TaskState::Running, TaskState::Done, TaskState::Failed, TaskState::Cancelled] {
            has(format!("task-state-{}", state.as_str()));
            if state != TaskState::Running {
                has(format!("task-end-{}", state.as_str()));
            }
        }
        for kind in EventKind::ALL {
            has(format!("event-{}", kind.as_str()));
        }
        for state in VM_STATES {
            assert!(!words.vm_state(state).is_empty(), "{state:?}");
        }
        for code in FailureCode::ALL {
            assert!(!words.failure(code).is_empty() && !words.failure_next(code).is_empty(), "{code:?}");
        }
        for error in [TagError::Empty, TagError::TooLong, TagError::Character('/'), TagError::Edge, TagError::TooMany] {
            has(format!("reason-{}", error.reason()));
        }
        for flag in UpsFlag::ALL {
            has(format!("ups-flag-{}", flag.as_str()));
        }
        for problem in UpsProblem::ALL {
            has(format!("ups-problem-{}", problem.as_str()));
        }
        for stage in UpsShutdown::ALL {
            has(format!("ups-shutdown-{}", stage.as_str()));
        }
        for reason in HandsOff::ALL {
            has(format!("hands-off-{}", reason.as_str()));
        }
        for setting in HostSetting::ALL {
            has(format!("host-setting-{}", setting.as_str()));
        }
        for (stage, way) in
            LeavingStage::ALL.iter().flat_map(|stage| LeavingWay::ALL.iter().map(move |way| (stage, way)))
        {
            has(format!("leaving-{}-{}", stage.as_str(), way.as_str()));
        }
        SoftReboot::ALL.iter().for_each(|of| has(format!("soft-reboot-{}", of.as_str())));
        // Why it is refused, within a sentence; nothing: no version is next.
        let refused = SoftReboot::ALL.iter().filter(|of| **of != SoftReboot::Possible).map(|of| of.as_str());
        refused.chain(["nothing"]).for_each(|of| has(format!("reason-{of}")));
        // A version that was given up has a problem of its own.
        let forbidden = ReleaseRefused::ALL.iter().filter(|of| **of != ReleaseRefused::FailedBefore);
        forbidden.for_each(|of| has(format!("reason-{}", of.as_str())));
        ServerBus::ALL.iter().for_each(|of| has(format!("disk-bus-{}", of.as_str())));
        DiskVerdict::ALL.iter().for_each(|of| has(format!("disk-verdict-{}", of.as_str())));
        DiskSilence::ALL.iter().for_each(|of| has(format!("disk-silence-{}", of.as_str())));
        StickFormat::ALL.iter().for_each(|of| has(format!("stick-format-{}", of.as_str())));
        StickTrouble::ALL.iter().for_each(|of| has(format!("stick-trouble-{}", of.as_str())));
        ThingKind::ALL.iter().for_each(|of| has(format!("thing-{}", of.as_str())));
        Symptom::ALL.iter().for_each(|of| has(format!("symptom-{}", of.as_str())));
        EvidenceKind::ALL.iter().for_each(|of| has(format!("cause-evidence-{}", of.as_str())));
        for cause in CauseKind::ALL {
            has(format!("cause-{}", cause.as_str()));
            has(format!("cause-{}-short", cause.as_str()));
            has(format!("cause-{}-next", cause.as_str()));
        }
        for code in [
            FailureCode::EngineRefused,
            FailureCode::CalledOff,
            FailureCode::StickGone,
            FailureCode::StickUnreadable,
            FailureCode::StickChanged,
            FailureCode::PackageSeveral,
            FailureCode::PackageCompressed,
        ] {
            has(format!("failure-{}", code.as_str()));
            has(format!("failure-{}-next", code.as_str()));
        }
        AlertTurn::ALL.iter().for_each(|of| has(format!("turn-{}", of.as_str())));
        MailSecurity::ALL.iter().for_each(|of| has(format!("mail-security-{}", of.as_str())));
        WebhookTemplate::ALL.iter().for_each(|of| has(format!("webhook-template-{}", of.as_str())));
        for trouble in SendTrouble::ALL {
            has(format!("send-trouble-{}", trouble.as_str()));
            has(format!("send-trouble-{}-next", trouble.as_str()));
        }
        for kind in AlertKind::ALL {
            has(format!("alert-{}", kind.as_str()));
            has(format!("alert-{}-short", kind.as_str()));
            has(format!("alert-{}-next", kind.as_str()));
        }
        DiskWarning::ALL.iter().for_each(|of| has(format!("disk-warning-{}", of.as_str())));
        for kind in [
            "ups", "channel", "vm", "image", "pool", "node", "account", "token", "settings", "task", "event", "audit",
            "query",
        ] {
            has(format!("kind-{kind}"));
        }
    }
}

const VM_STATES: [VmState; 11] = [
    VmState::Pending,
    VmState::Provisioning,
    VmState::Stopped,
    VmState::Starting,
    VmState::Running,
    VmState::Paused,
    VmState::ShuttingDown,
    VmState::Stopping,
    VmState::Failed,
    VmState::Deleting,
    VmState::Lost,
];

/// What the specification's tables of events say, `cake-bmc` asks for (`tests/words.rs` there).
#[test]
fn what_servers_and_sensors_are_has_its_words() {
    for words in all() {
        let has = |kind: &str, values: &[&str]| {
            values
                .iter()
                .for_each(|value| assert!(words.has(&format!("{kind}-{value}")), "{} {kind}-{value}", words.tag()));
        };
        has("sensor-state", &SensorState::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>());
        has("sensor-group", &SensorGroup::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>());
        has("sensor-unit", &SensorUnit::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>());
        has("bmc-access", &BmcAccess::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>());
        has("bmc-problem", &BmcProblem::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>());
        has("snmp-problem", &SnmpProblem::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>());
        has("kind", &DeviceKind::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>());
        has("kind", &DeviceKind::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>());
        has("power-restore", &PowerRestore::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>());
        has("chassis-verb", &ChassisVerb::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>());
        has("boot-device", &BootDevice::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>());
        has("part-fact", &PartFact::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>());
        has("part-trouble", &PartTrouble::ALL.iter().map(|of| of.as_str()).collect::<Vec<_>>());
        // Rack-mount, blade, tower and their kin: the numbers of SMBIOS.
        for kind in (1..=25).chain([28, 29]) {
            assert!(words.has(&format!("chassis-kind-{kind}")), "{} chassis-kind-{kind}", words.tag());
        }
        for id in 0..=u8::MAX {
            assert!(words.has(&Entity { id, instance: 1 }.word()), "{} entity {id:#x}", words.tag());
        }
    }
}

/// `Words::text` gives an unknown id back as it is, so an id in place of a text is a hole in the catalogue.
#[test]
fn every_small_enum_has_its_words() {
    for words in all() {
        let texts = [
            [Firmware::Bios, Firmware::Uefi, Firmware::Direct].map(|v| words.firmware(v)).to_vec(),
            [Restart::Never, Restart::OnCrash, Restart::Always].map(|v| words.restart(v)).to_vec(),
            Priority::ALL.iter().map(|v| words.priority(*v)).collect(),
            [ImageFormat::Raw, ImageFormat::Qcow2, ImageFormat::Kernel].map(|v| words.image_format(v)).to_vec(),
            [GuestOs::Linux, GuestOs::Windows, GuestOs::Other].map(|v| words.guest_os(v)).to_vec(),
            [ExitReason::Guest, ExitReason::Crash, ExitReason::Killed].map(|v| words.exit_reason(v)).to_vec(),
            [Severity::Info, Severity::Warning, Severity::Error].map(|v| words.severity(v)).to_vec(),
            [TcgReason::NoDevice, TcgReason::NoPermission, TcgReason::GuestDidNotRun, TcgReason::Asked]
                .map(|v| words.tcg_reason(v))
                .to_vec(),
            [Permission::View, Permission::Operate, Permission::Manage, Permission::Audit, Permission::Administer]
                .map(|v| words.permission(v))
                .to_vec(),
        ];
        for text in texts.concat() {
            assert!(!words.has(text) && !text.is_empty(), "{} {text:?}", words.tag());
        }
        for role in cake_types::built_in_roles() {
            assert_ne!(words.role(&role.name.0), role.name.0);
        }
        let names = [
            NameError::Empty,
            NameError::TooLong,
            NameError::Edge,
            NameError::Character('/'),
            NameError::Repeated,
            NameError::HostName,
        ];
        for error in names {
            assert!(words.has(&format!("reason-{}", cake_i18n::words::name_reason(error))), "{error:?}");
        }
        let answers = [
            SetupError::TimeZone(String::new()),
            SetupError::PasswordTooShort { min: 8 },
            SetupError::PasswordTwice,
            SetupError::PasswordMissing,
            SetupError::PasswordHash,
            SetupError::PoolPath,
        ];
        for error in &answers {
            assert!(words.has(&format!("reason-{}", cake_i18n::words::setup_reason(error))), "{error:?}");
        }
    }
}

#[test]
fn what_an_installation_tells_has_its_words() {
    use cake_types::{InstallContentKind, InstallLayout, InstallWarning, InstallWhy};
    /// As `cake_install::plan::Step::id` names them.
    const STEPS: [&str; 14] = [
        "release",
        "wipe",
        "divide",
        "format-boot",
        "array",
        "encrypt",
        "format",
        "enrol",
        "settle",
        "firmware",
        "verify",
        "boot",
        "name",
        "entries",
    ];
    for words in all() {
        let contents = InstallContentKind::ALL.iter().map(|kind| format!("install-content-{}", kind.as_str()));
        let whys = InstallWhy::ALL.iter().map(|why| format!("reason-install-{}", why.as_str()));
        let warnings = InstallWarning::ALL.iter().map(|warning| format!("install-warning-{}", warning.as_str()));
        let layouts = InstallLayout::ALL.iter().map(|layout| format!("install-layout-{}", layout.as_str()));
        let steps = STEPS.iter().map(|step| format!("install-step-{step}"));
        for id in contents.chain(whys).chain(warnings).chain(layouts).chain(steps) {
            assert!(words.has(&id), "{} has no {id}", words.tag());
        }
    }
}

#[test]
fn a_problem_speaks_the_readers_language() {
    use cake_types::Problem;
    let problem = Problem::new(Code::IllegalNow).with("action", "resume").with("state", "shutting-down");
    let english = Catalogue::get(Language::English).problem(&problem);
    assert_eq!(english.what, "You can’t resume it now: it is in the state “Shutting down”.");
    let chinese = Catalogue::get(Language::ChineseTaiwan).problem(&problem);
    assert_eq!(chinese.what, "現在無法繼續：目前狀態是「關機中」。");
    let facts_missing = Catalogue::get(Language::English).problem(&Problem::new(Code::NameTaken));
    assert!(!facts_missing.what.contains('{'), "{}", facts_missing.what);
}

#[test]
fn an_event_without_its_facts_still_is_a_sentence() {
    use cake_types::{Event, ProjectName};
    for words in all() {
        for kind in EventKind::ALL {
            let event = Event {
                at: "2026-11-23T08:00:00Z".parse().expect("a time"),
                project: ProjectName::default(),
                severity: Severity::Info,
                kind,
                subject: None,
                params: [("code".to_owned(), "no-space".to_owned())].into(),
            };
            assert!(!words.event(&event).contains(['{', '}']), "{kind:?}");
        }
    }
}

/// The pages of the manual, which are written in Chinese and in no catalogue.
fn manual() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web-ui/manual/zh-Hant-TW");
    let pages = std::fs::read_dir(folder).expect("the manual").map(|entry| entry.expect("readable").path());
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let mut code = false;
        let text = std::fs::read_to_string(&path).expect("text");
        // Blocks of code stay as many lines, without their text.
        let lines = text.lines().map(|line| {
            code ^= line.starts_with("```");
            if code || line.starts_with("```") { "" } else { line }
        });
        (name, lines.collect::<Vec<_>>().join("\n"))
    };
    let pages: Vec<_> = pages.map(read).collect();
    assert!(pages.len() > 8, "the manual is where it is looked for");
    pages
}

fn chinese(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// What people read of a line: no id, no comment, and of the manual no code, no address, no mark of Markdown.
fn prose(file: &str, line: &str) -> String {
    if file.ends_with(".ftl") {
        if line.starts_with('#') {
            return String::new();
        }
        return line.split_once(" = ").map_or(line, |(_, value)| value).trim().to_owned();
    }
    let without_code: Vec<&str> = line.split('`').collect();
    // A letter stands for a piece of code: gaps around it are seen.
    let line = without_code.chunks(2).map(|pair| pair[0]).collect::<Vec<_>>().join("x");
    let mut out = String::new();
    let mut rest = line.trim_start_matches(['#', '-', ' ', '>', '|']);
    while let Some(at) = rest.find("](") {
        out.push_str(&rest[..at]);
        rest = rest[at..].split_once(')').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out.split(" {#").next().unwrap_or("").replace(['*', '[', ']'], "")
}

/// The gap between Chinese and Latin is the style sheet's; a typed space would be a second one. A terminal has no style sheet:
/// the words that only the command says have their spaces.
#[test]
fn no_space_is_typed_between_chinese_and_latin() {
    let catalogues = files(Language::ChineseTaiwan).into_iter().filter(|(name, _)| name != "cli.ftl");
    let latin = |c: char| c.is_ascii_alphanumeric() || matches!(c, '{' | '}');
    let mut seen = 0;
    for (name, text) in catalogues.chain(manual()) {
        for (number, line) in text.lines().enumerate() {
            let letters: Vec<char> = prose(&name, line).chars().collect();
            for three in letters.windows(3).filter(|three| three[1] == ' ') {
                let gap = chinese(three[0]) && latin(three[2]) || latin(three[0]) && chinese(three[2]);
                assert!(!gap, "{name}:{}: {line}", number + 1);
            }
            seen += usize::from(letters.iter().any(|c| chinese(*c)));
        }
    }
    assert!(seen > 500, "the test sees the words: {seen}");
}

/// A name may be any words at all: marks say where it begins and ends.
#[test]
fn names_in_chinese_sentences_are_marked() {
    let words = Catalogue::get(Language::ChineseTaiwan);
    for id in words.ids() {
        let text = words.source(id).expect("a text");
        for name in ["name", "old", "claimed"] {
            let variable = format!("{{ ${name} }}");
            for (at, _) in text.match_indices(&variable) {
                let before = text[..at].chars().next_back();
                let after = text[at + variable.len()..].chars().next();
                // In brackets, in quotation marks, or in a command between them.
                let alone = before.is_none() && after == Some('（') || before == Some('（') && after == Some('）');
                let quoted = text[..at].matches('「').count() > text[..at].matches('」').count();
                assert!(alone || quoted, "{id} = {text}");
            }
        }
    }
}

/// One of a thing is not many of it.
#[test]
fn one_is_not_many_in_english() {
    let english = Catalogue::get(Language::English);
    const NUMBERS: [&str; 4] = ["count", "seconds", "given", "all"];
    for id in english.ids() {
        let names = english.variables(id);
        let values: Vec<_> = names.iter().map(|name| (*name, if NUMBERS.contains(name) { "1" } else { "X" })).collect();
        let text = english.text_with(id, &values);
        let words: Vec<&str> = text.split_whitespace().collect();
        for pair in words.windows(2).filter(|pair| pair[0] == "1") {
            let noun = pair[1].trim_matches(|c: char| !c.is_alphabetic());
            let many = noun.ends_with('s') && !["is", "was", "has"].contains(&noun) || noun == "are";
            assert!(!many, "{id}: {text}");
        }
    }
}

#[test]
fn a_tasks_end_says_what_was_done_or_why_not() {
    let end = |language, state, code| Catalogue::get(language).task_ended("vm-create", "web", state, code);
    assert_eq!(end(Language::English, "done", "done"), "Created web.");
    assert_eq!(end(Language::ChineseTaiwan, "done", "done"), "已建立「web」。");
    assert_eq!(end(Language::English, "failed", "no-space"), "Create web: The storage pool is full.");
    assert_eq!(end(Language::ChineseTaiwan, "failed", "no-space"), "建立「web」：儲存池已滿。");
    assert_eq!(end(Language::English, "failed", "of-the-future"), "Create web: It did not succeed.");
    for (state, codes) in [
        ("failed", &["lost", "refused", "crashed", "killed", "not-running"][..]),
        ("cancelled", &["cancelled", "superseded", "removed", "restored"]),
    ] {
        for code in codes {
            for words in all() {
                assert!(words.has(&format!("task-end-{code}")), "{state} {code} in {}", words.tag());
            }
        }
    }
}

/// Words of the mainland that a reader in Taiwan stumbles over. (項目 is not here: in Taiwan it is an item of a list.)
#[test]
fn the_chinese_is_that_of_taiwan() {
    const FOREIGN: &[&str] = &[
        "服務器",
        "內存",
        "磁盤",
        "硬盤",
        "存儲",
        "鏡像",
        "網絡",
        "接口",
        "端口",
        "負載均衡",
        "帶寬",
        "控制台",
        "機架",
        "用戶",
        "賬號",
        "賬戶",
        "令牌",
        "證書",
        "任務",
        "告警",
        "日誌",
        "設置",
        "默認",
        "信息",
        "軟件",
        "固件",
        "文件夾",
        "文檔",
        "支持",
        "加載",
        "熱遷移",
        "傳感器",
        "回滾",
        "登錄",
        "點擊",
        "數據",
        "創建",
        "激活",
        "菜單",
        "屏幕",
        "鼠標",
        "鏈接",
        "刷新",
        "搜索",
        "保存",
        "進程",
        "線程",
        "雲端機",
        "视",
        "网",
        "机",
        "设",
        "为",
        "删",
    ];
    for (name, text) in files(Language::ChineseTaiwan).into_iter().chain(manual()) {
        for (number, line) in text.lines().enumerate() {
            for word in FOREIGN {
                assert!(!line.contains(word), "{name}:{}: {word} in {line}", number + 1);
            }
            let mut rest = line;
            while let Some(at) = rest.find("虛擬機") {
                rest = &rest[at + "虛擬機".len()..];
                assert!(rest.starts_with('器'), "{name}:{}: 虛擬機器 is the whole word", number + 1);
            }
            let value = prose(&name, line);
            let marks: Vec<char> = value.chars().collect();
            for pair in marks.windows(2) {
                let after = chinese(pair[0]) && matches!(pair[1], ',' | ';' | '!' | '?' | ':' | '(' | ')');
                let before = chinese(pair[1]) && matches!(pair[0], ',' | ';' | '!' | '?' | ':' | '(' | ')');
                assert!(!after && !before, "{name}:{}: full-width marks: {line}", number + 1);
            }
        }
    }
}

#[test]
fn the_pseudo_language_is_longer_and_keeps_its_variables() {
    let (english, pseudo) = (Catalogue::get(Language::English), Catalogue::pseudo());
    let (mut before, mut after) = (0, 0);
    for id in english.ids() {
        assert_eq!(pseudo.variables(id), english.variables(id), "{id}");
        before += english.source(id).expect("a text").chars().count();
        after += pseudo.source(id).expect("a text").chars().count();
    }
    assert!(after * 10 > before * 13, "{before} → {after}");
    assert_eq!(pseudo.text_with("count-vms", &[("count", "1")]), "⟦1 VM⟧");
    let distinct: BTreeSet<_> = pseudo.ids().collect();
    assert_eq!(distinct.len(), english.ids().count());
}
