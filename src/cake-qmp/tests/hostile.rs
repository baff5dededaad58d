//! A peer that lies, floods, stalls or leaves. Each test plays QEMU's part by hand over a socket pair.

use std::time::Duration;

use anyhow::{Context, Result};
use cake_qmp::{
    CloseReason, Command, Empty, Events, Limits, LineTooLong, Notice, ParseError, Qmp, QmpError,
    commands::{Cont, GetFd, QueryCpusFast, QueryStatus, QueryUuid, QueryVersion, RunState, Stop},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
};

const GREETING: &str =
    r#"{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": ""}, "capabilities": []}}"#;

/// The other end of the connection.
struct Peer(BufReader<UnixStream>);

impl Peer {
    async fn say(&mut self, line: &str) {
        // The client may have closed already: that is what some tests want.
        let _ = self.0.write_all(format!("{line}\r\n").as_bytes()).await;
    }

    async fn answer(&mut self, id: u64, value: Value) {
        self.say(&json!({"return": value, "id": id}).to_string()).await;
    }

    /// The next command; `None` once the client has closed.
    async fn hear(&mut self) -> Option<(String, u64)> {
        let mut line = String::new();
        self.0.read_line(&mut line).await.ok().filter(|count| *count > 0)?;
        let command: Value = serde_json::from_str(&line).expect("the client sends JSON");
        Some((command["execute"].as_str()?.to_owned(), command["id"].as_u64()?))
    }

    async fn event(&mut self, name: &str, data: Value) {
        let event = json!({"timestamp": {"seconds": 1, "microseconds": 2}, "event": name, "data": data});
        self.say(&event.to_string()).await;
    }
}

fn quick() -> Limits {
    Limits { greeting: Duration::from_secs(20), command: Duration::from_secs(20), ..Limits::default() }
}

/// A connection in command mode.
async fn connected(limits: Limits) -> Result<(Qmp, Events, Peer)> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut peer = Peer(BufReader::new(theirs));
    let (connected, ()) = tokio::join!(Qmp::connect_with(ours, limits), async {
        peer.say(GREETING).await;
        let (name, id) = peer.hear().await.expect("a command");
        assert_eq!((name.as_str(), id), ("qmp_capabilities", 0));
        peer.answer(id, json!({})).await;
    });
    let (qmp, events) = connected?;
    Ok((qmp, events, peer))
}

/// Connects to a peer that says these lines and then nothing more.
async fn connect_to(lines: &[&str], limits: Limits) -> QmpError {
    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
    let mut peer = Peer(BufReader::new(theirs));
    for line in lines {
        peer.say(line).await;
    }
    Qmp::connect_with(ours, limits).await.expect_err("a refused connection")
}

/// What a command ends with when the peer answers it by `reply` (`{id}` stands for its id), and why the connection closed.
async fn replied<C: Command>(command: C, reply: &str) -> (Result<C::Answer, QmpError>, Option<CloseReason>) {
    let (qmp, _events, mut peer) = connected(quick()).await.expect("a connection");
    let (outcome, ()) = tokio::join!(qmp.run(&command), async {
        let (_, id) = peer.hear().await.expect("a command");
        peer.say(&reply.replace("{id}", &id.to_string())).await;
    });
    (outcome, qmp.close_reason())
}

#[tokio::test]
async fn silence_instead_of_a_greeting_is_given_up() {
    let limits = Limits { greeting: Duration::from_millis(20), ..Limits::default() };
    let error = connect_to(&[], limits).await;
    assert!(matches!(error, QmpError::Closed(CloseReason::GreetingTimedOut { .. })), "{error:?}");
}

#[tokio::test]
async fn wrong_first_words_close() {
    let error = connect_to(&[r#"{"return": {}, "id": 0}"#], quick()).await;
    assert!(matches!(error, QmpError::Closed(CloseReason::BeforeGreeting)), "{error:?}");
    let error = connect_to(&["220 mail.example ESMTP"], quick()).await;
    assert!(matches!(error, QmpError::Closed(CloseReason::Parse(ParseError::Malformed { .. }))), "{error:?}");
    let error = connect_to(&[GREETING, GREETING], quick()).await;
    assert!(matches!(error, QmpError::Closed(CloseReason::GreetingRepeated)), "{error:?}");
}

#[tokio::test]
async fn a_peer_that_leaves_at_once() {
    let (ours, theirs) = UnixStream::pair().expect("a socket pair");
    drop(theirs);
    let error = Qmp::connect(ours).await.expect_err("nobody there");
    assert!(matches!(error, QmpError::Closed(CloseReason::EndOfStream)), "{error:?}");
}

#[tokio::test]
async fn answers_find_their_commands_in_any_order() -> Result<()> {
    let (qmp, _events, mut peer) = connected(quick()).await?;
    let (status, uuid, ()) = tokio::join!(qmp.run(&QueryStatus), qmp.run(&QueryUuid), async {
        let (first, second) = (peer.hear().await.expect("a command"), peer.hear().await.expect("a command"));
        for (name, id) in [second, first] {
            let value = match name.as_str() {
                "query-status" => json!({"running": true, "status": "running", "singlestep": false}),
                _ => json!({"UUID": "4d1e3a52-8f0c-4c7b-9a57-0c6f1f6f2b11"}),
            };
            peer.answer(id, value).await;
        }
    });
    assert_eq!(status?.status, RunState::Running);
    assert_eq!(uuid?.uuid.to_string(), "4d1e3a52-8f0c-4c7b-9a57-0c6f1f6f2b11");
    assert_eq!(qmp.commands_sent(), 3);
    Ok(())
}

#[tokio::test]
async fn an_unknown_event_does_not_close_the_connection() -> Result<()> {
    let (qmp, mut events, mut peer) = connected(quick()).await?;
    peer.event("ADDED_IN_QEMU_99", json!({"list": [1, {"deep": null}]})).await;
    let Notice::Event(event) = events.next().await? else { panic!("nothing was lost") };
    assert_eq!((event.name.as_str(), &event.data["list"][0]), ("ADDED_IN_QEMU_99", &json!(1)));
    let (stopped, ()) = tokio::join!(qmp.run(&Stop), async {
        let (_, id) = peer.hear().await.expect("a command");
        peer.answer(id, json!({})).await;
    });
    assert_eq!(stopped?, Empty {});
    Ok(())
}

#[tokio::test]
async fn a_command_that_times_out_fails_alone_and_its_late_answer_is_no_lie() -> Result<()> {
    let (qmp, _events, mut peer) = connected(quick()).await?;
    let error = qmp.run_within(&Stop, Duration::from_millis(10)).await.expect_err("no answer");
    assert!(matches!(error, QmpError::TimedOut { command: "stop", .. }), "{error:?}");
    let (continued, ()) = tokio::join!(qmp.run(&Cont), async {
        let (late, next) = (peer.hear().await.expect("stop"), peer.hear().await.expect("cont"));
        peer.answer(late.1, json!({})).await;
        peer.answer(next.1, json!({})).await;
    });
    continued?;
    assert_eq!(qmp.close_reason(), None);
    Ok(())
}

#[tokio::test]
async fn a_dropped_caller_leaves_the_stream_whole() -> Result<()> {
    let (qmp, _events, mut peer) = connected(quick()).await?;
    // Longer than the socket's buffer: the caller gives up in the middle of the line.
    let huge = GetFd { fdname: "x".repeat(4 << 20) };
    assert!(qmp.run_within(&huge, Duration::from_millis(10)).await.is_err());
    let (continued, ()) = tokio::join!(qmp.run(&Cont), async {
        let (first, second) = (peer.hear().await.expect("getfd"), peer.hear().await.expect("cont"));
        assert_eq!((first.0.as_str(), second.0.as_str()), ("getfd", "cont"));
        peer.answer(second.1, json!({})).await;
    });
    continued?;
    Ok(())
}

#[tokio::test]
async fn answers_of_the_wrong_type_fail_their_command_alone() {
    for reply in [
        r#"{"return": {"running": "yes", "status": "running"}, "id": {id}}"#,
        r#"{"return": {"status": "running"}, "id": {id}}"#,
        r#"{"return": [], "id": {id}}"#,
        r#"{"return": 7, "id": {id}}"#,
    ] {
        let (outcome, closed) = replied(QueryStatus, reply).await;
        assert!(matches!(outcome, Err(QmpError::Answer { command: "query-status", .. })), "{reply}: {outcome:?}");
        assert_eq!(closed, None, "{reply}");
    }
    assert!(replied(QueryUuid, r#"{"return": {"UUID": "not one"}, "id": {id}}"#).await.0.is_err());
    assert!(replied(QueryVersion, r#"{"return": {"qemu": {"major": 1e9}}, "id": {id}}"#).await.0.is_err());
    assert!(replied(QueryCpusFast, r#"{"return": [{"cpu-index": -1}], "id": {id}}"#).await.0.is_err());
    let (outcome, _) = replied(QueryStatus, r#"{"return": {"running": false, "status": "new"}, "id": {id}}"#).await;
    assert_eq!(outcome.expect("a state of a newer QEMU").status, RunState::Unknown);
}

#[tokio::test]
async fn a_refusal_is_typed() {
    let (outcome, closed) =
        replied(Stop, r#"{"error": {"class": "CommandNotFound", "desc": "no such thing"}, "id": {id}}"#).await;
    let error = outcome.expect_err("refused");
    assert_eq!((error.class(), closed), (Some("CommandNotFound"), None));
    assert!(error.to_string().contains("no such thing"), "{error}");
}

#[tokio::test]
async fn lies_close_with_their_reason() {
    let deep = format!(r#"{{"return": {}, "id": {{id}}}}"#, "[".repeat(100_000));
    let cases = [
        (r#"{"return": {}, "id": 9999}"#, CloseReason::UnknownId { id: 9999 }),
        (r#"{"return": {}}"#, CloseReason::AnswerWithoutId),
        (GREETING, CloseReason::GreetingRepeated),
        ("{}", CloseReason::Parse(ParseError::Ambiguous)),
        ("", CloseReason::Parse(ParseError::Empty)),
        (deep.as_str(), CloseReason::Parse(ParseError::TooDeep { limit: 64 })),
    ];
    for (reply, expected) in cases {
        let (outcome, closed) = replied(Stop, reply).await;
        assert!(matches!(&outcome, Err(QmpError::Closed(reason)) if *reason == expected), "{reply}: {outcome:?}");
        assert_eq!(closed, Some(expected), "{reply}");
    }
    for reply in [r#"{"return": {}, "id": "{id}"}"#, r#"{"return": {}, "id": [{id}]}"#, "\u{0}\u{1}garbage"] {
        let (outcome, _) = replied(Stop, reply).await;
        assert!(matches!(outcome, Err(QmpError::Closed(CloseReason::Parse(_)))), "{reply}: {outcome:?}");
    }
    let (outcome, _) = replied(Stop, r#"{"error": {"class": "GenericError", "desc": "JSON parse error"}}"#).await;
    assert!(matches!(outcome, Err(QmpError::Closed(CloseReason::Unreadable(_)))), "{outcome:?}");
}

#[tokio::test]
async fn a_second_answer_to_one_command_is_a_lie() -> Result<()> {
    let (qmp, _events, mut peer) = connected(quick()).await?;
    let (stopped, ()) = tokio::join!(qmp.run(&Stop), async {
        let (_, id) = peer.hear().await.expect("a command");
        peer.answer(id, json!({})).await;
        peer.answer(id, json!({})).await;
    });
    stopped?;
    assert_eq!(qmp.closed().await, CloseReason::UnknownId { id: 1 });
    Ok(())
}

#[tokio::test]
async fn an_end_in_the_middle_fails_everybody_who_waits() -> Result<()> {
    let (qmp, mut events, mut peer) = connected(quick()).await?;
    let (first, second, third, ()) = tokio::join!(qmp.run(&Stop), qmp.run(&QueryStatus), qmp.run(&Cont), async {
        for _ in 0..3 {
            peer.hear().await.expect("a command");
        }
        peer.event("SHUTDOWN", json!({"guest": false, "reason": "host-signal"})).await;
        peer.0.write_all(br#"{"return": {"runn"#).await.expect("half an answer");
        drop(peer);
    });
    for error in [first.err(), second.err(), third.err()] {
        assert!(matches!(error, Some(QmpError::Closed(CloseReason::EndOfStream))), "{error:?}");
    }
    assert!(matches!(events.next().await, Ok(Notice::Event(event)) if event.name == "SHUTDOWN"));
    assert_eq!(events.next().await, Err(CloseReason::EndOfStream));
    assert_eq!(events.next().await, Err(CloseReason::EndOfStream));
    assert!(qmp.run(&Stop).await.expect_err("closed").is_closed());
    Ok(())
}

#[tokio::test]
async fn a_line_without_end_closes_at_the_limit() -> Result<()> {
    let (qmp, _events, mut peer) = connected(Limits { longest_line: 64 * 1024, ..quick() }).await?;
    let sending = tokio::spawn(async move {
        let block = [b'x'; 4096];
        let mut sent = 0usize;
        // Ends because the client closes: its buffer is not the peer's to fill.
        while peer.0.write_all(&block).await.is_ok() {
            sent += block.len();
        }
        sent
    });
    assert_eq!(qmp.closed().await, CloseReason::LineTooLong(LineTooLong { limit: 64 * 1024 }));
    sending.await.context("the sender")?;
    Ok(())
}

#[tokio::test]
async fn a_flood_of_events_closes_and_what_waits_is_bounded() -> Result<()> {
    let (qmp, mut events, mut peer) = connected(Limits { events_per_second: 1000, ..quick() }).await?;
    let sending = tokio::spawn(async move {
        let event = "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"RTC_CHANGE\"}\r\n".repeat(100);
        while peer.0.write_all(event.as_bytes()).await.is_ok() {}
    });
    assert_eq!(qmp.closed().await, CloseReason::Flood { limit: 1000 });
    sending.await.context("the sender")?;
    let (mut given, mut lost) = (0u64, 0u64);
    loop {
        match events.next().await {
            Ok(Notice::Event(_)) => given += 1,
            Ok(Notice::Lost { count }) => lost += count,
            Err(reason) => break assert_eq!(reason, CloseReason::Flood { limit: 1000 }),
        }
    }
    assert!(given <= 256 && lost > 0 && given + lost >= 1000, "{given} given, {lost} lost");
    Ok(())
}

#[tokio::test]
async fn a_peer_that_never_answers_holds_a_bounded_number_of_commands() -> Result<()> {
    let (qmp, _events, _peer) = connected(Limits { most_waiting: 4, ..quick() }).await?;
    for _ in 0..4 {
        let error = qmp.run_within(&Stop, Duration::from_millis(5)).await.expect_err("no answer");
        assert!(matches!(error, QmpError::TimedOut { .. }), "{error:?}");
    }
    let error = qmp.run(&Stop).await.expect_err("too many");
    assert!(matches!(error, QmpError::Busy { limit: 4 }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn the_last_handle_closes_the_connection() -> Result<()> {
    let (qmp, mut events, mut peer) = connected(quick()).await?;
    let second = qmp.clone();
    drop(qmp);
    assert_eq!(second.close_reason(), None);
    drop(second);
    assert_eq!(peer.hear().await, None);
    assert_eq!(events.next().await, Err(CloseReason::Released));
    Ok(())
}
