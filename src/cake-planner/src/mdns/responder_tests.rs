//! The responder on a network without a wire: each test says what comes when, and reads what goes out.

use super::message::{Data, Domain, Message, Question, Record, kind};
use super::{Claim, Interface, Link, LinkId, PORT, Responder, Send, links};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const OURS: &str = "192.0.2.7";
const LINK: LinkId = LinkId { index: 2, v6: false };

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn interface(index: u32, addresses: &[&str]) -> Interface {
    let addresses = addresses.iter().map(|address| (address.parse().unwrap(), 24)).collect();
    Interface { index, name: format!("eth{index}"), usable: true, addresses }
}

fn office(addresses: &[&str]) -> BTreeMap<LinkId, Link> {
    links(&[interface(2, addresses)], "0.0.0.0".parse().unwrap())
}

fn peer(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), PORT)
}

fn read(send: &Send) -> Message {
    Message::read(&send.bytes).unwrap().unwrap()
}

fn claim(label: &str) -> Claim {
    Claim { label: label.into(), port: 8443 }
}

/// Someone who works, with all that was sent until then.
fn settled() -> (Responder, Duration, Vec<(Duration, Send)>) {
    let mut responder = Responder::new("cake-7", 8443, 42);
    responder.set_links(Duration::ZERO, office(&[OURS]));
    let mut sent = Vec::new();
    let mut now = Duration::ZERO;
    while let Some(next) = responder.next() {
        now = next;
        sent.extend(responder.tick(now).into_iter().map(|send| (now, send)));
    }
    (responder, now, sent)
}

fn query(kind: u16, unicast: bool) -> Message {
    let questions = vec![Question::new(claim("cake-7").host(), kind, unicast)];
    Message { questions, ..Message::default() }
}

fn browse() -> Message {
    let questions = vec![Question::new(Domain::new(&["_https", "_tcp", "local"]), kind::PTR, false)];
    Message { questions, ..Message::default() }
}

fn kinds(records: &[Record]) -> Vec<u16> {
    records.iter().map(|record| record.kind).collect()
}

fn response(answers: Vec<Record>) -> Message {
    Message { is_response: true, answers, ..Message::default() }
}

/// Another machine of the same name.
fn others() -> Vec<Record> {
    claim("cake-7").unique(&["192.0.2.9".parse().unwrap()])
}

#[test]
fn a_name_is_asked_for_three_times_and_then_told_twice() {
    let (responder, _, sent) = settled();
    let (times, messages): (Vec<Duration>, Vec<Message>) = sent.iter().map(|(at, send)| (*at, read(send))).unzip();
    assert_eq!(messages.len(), 5);
    assert!(times[0] < ms(250));
    let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [ms(250), ms(250), ms(250), ms(1000)]);
    for probe in &messages[..3] {
        assert!(!probe.is_response && probe.answers.is_empty());
        assert!(probe.questions.iter().all(|question| question.kind == kind::ANY && question.unicast));
        assert_eq!(kinds(&probe.authority), [kind::A, kind::SRV, kind::TXT]);
        assert!(probe.authority.iter().all(|record| !record.unique));
    }
    for told in &messages[3..] {
        assert_eq!(kinds(&told.answers), [kind::A, kind::SRV, kind::TXT, kind::PTR, kind::PTR]);
        let unique: Vec<bool> = told.answers.iter().map(|record| record.unique).collect();
        assert_eq!(unique, [true, true, true, false, false]);
        assert_eq!(told.answers[0].data, Data::A([192, 0, 2, 7].into()));
    }
    assert!(responder.is_settled() && sent.iter().all(|(_, send)| send.to.is_none() && send.link == LINK));
}

#[test]
fn a_question_is_answered_once_a_second_and_not_to_who_knows() {
    let (mut responder, now, _) = settled();
    let mut ask = |at: Duration, message: &Message| responder.receive(at, LINK, peer("192.0.2.1"), &message.write());
    assert_eq!(ask(now + ms(999), &query(kind::A, false)), [], "all heard it less than a second ago");
    let answers = ask(now + ms(1000), &query(kind::A, false));
    assert_eq!((answers.len(), answers[0].to), (1, None));
    let answer = read(&answers[0]);
    assert!(answer.is_response && answer.questions.is_empty());
    assert_eq!((kinds(&answer.answers), kinds(&answer.additional)), (vec![kind::A], vec![kind::NSEC]));
    for _ in 0..1000 {
        assert_eq!(ask(now + ms(1999), &query(kind::A, false)), []);
    }
    let known = |ttl: u32| {
        let mut known = claim("cake-7").unique(&[OURS.parse().unwrap()]).remove(0);
        known.ttl = ttl;
        Message { answers: vec![known], ..query(kind::A, false) }
    };
    assert_eq!(ask(now + ms(3000), &known(60)), [], "half of its time is left");
    assert_eq!(ask(now + ms(3000), &known(59)).len(), 1);
    let other = Message {
        questions: vec![Question::new(Domain::new(&["other", "local"]), kind::ANY, false)],
        ..Message::default()
    };
    assert_eq!(ask(now + ms(9000), &other), []);
}

#[test]
fn a_list_of_services_comes_a_little_later_and_with_all_that_is_asked_next() {
    let (mut responder, now, _) = settled();
    let at = now + ms(2000);
    assert_eq!(responder.receive(at, LINK, peer("192.0.2.1"), &browse().write()), []);
    let due = responder.next().unwrap();
    assert!((at + ms(20)..at + ms(120)).contains(&due), "{due:?}");
    // Ten more who ask meanwhile get the same answer.
    for host in 10..20 {
        assert_eq!(responder.receive(at, LINK, peer(&format!("192.0.2.{host}")), &browse().write()), []);
    }
    let sent = responder.tick(due);
    assert_eq!(sent.len(), 1);
    let answer = read(&sent[0]);
    assert_eq!(kinds(&answer.answers), [kind::PTR]);
    assert_eq!(kinds(&answer.additional), [kind::A, kind::SRV, kind::TXT, kind::NSEC]);
    assert_eq!(responder.next(), None);
}

#[test]
fn who_has_more_to_say_of_what_he_knows_is_waited_for() {
    let (mut responder, now, _) = settled();
    let at = now + ms(2000);
    let asker = peer("192.0.2.1");
    let more = Message { truncated: true, ..browse() };
    assert_eq!(responder.receive(at, LINK, asker, &more.write()), []);
    let due = responder.next().unwrap();
    assert!((at + ms(400)..at + ms(500)).contains(&due), "{due:?}");
    let known = Message { answers: claim("cake-7").all(&[]), ..Message::default() };
    // Not what somebody else knows …
    responder.receive(at, LINK, peer("192.0.2.2"), &known.write());
    assert_eq!(responder.next(), Some(due));
    // … but what he does.
    responder.receive(at, LINK, asker, &known.write());
    assert_eq!(responder.next(), None);
    assert_eq!(responder.tick(due), []);
}

#[test]
fn an_answer_goes_to_the_asker_alone_where_that_is_enough() {
    let (mut responder, now, _) = settled();
    let asker = peer("192.0.2.1");
    let soon = responder.receive(now + ms(5000), LINK, asker, &query(kind::A, true).write());
    assert_eq!((soon.len(), soon[0].to), (1, Some(asker)));
    assert!(read(&soon[0]).answers[0].unique);
    // A quarter of its time later others may need it too.
    let late = responder.receive(now + ms(31_000), LINK, asker, &query(kind::A, true).write());
    assert_eq!((late.len(), late[0].to), (1, None));
    // A plain resolver gets plain DNS.
    let plain = SocketAddr::new(asker.ip(), 40_000);
    let question = Message { id: 77, ..query(kind::A, false) };
    let sent = responder.receive(now + ms(32_000), LINK, plain, &question.write());
    assert_eq!((sent.len(), sent[0].to), (1, Some(plain)));
    let answer = read(&sent[0]);
    assert_eq!((answer.id, &answer.questions), (77, &question.questions));
    assert!(answer.answers.iter().chain(&answer.additional).all(|record| record.ttl <= 10 && !record.unique));
    let flood = (0..1000).map(|_| responder.receive(now + ms(32_000), LINK, plain, &question.write()).len());
    assert!(flood.sum::<usize>() <= 50, "answers to one alone have a limit too");
}

#[test]
fn who_is_not_on_the_link_gets_nothing() {
    let (mut responder, now, _) = settled();
    let at = now + ms(5000);
    let mut ask =
        |link: LinkId, from: SocketAddr| responder.receive(at, link, from, &query(kind::A, true).write()).len();
    for from in ["198.51.100.1", "8.8.8.8", "192.0.3.1", "0.0.0.0", "::1", "2001:db8::1"] {
        assert_eq!(ask(LINK, peer(from)), 0, "{from}");
        assert_eq!(ask(LINK, SocketAddr::new(from.parse().unwrap(), 40_000)), 0, "{from}");
    }
    assert_eq!(ask(LINK, SocketAddr::new("192.0.2.1".parse().unwrap(), 0)), 0);
    assert_eq!(ask(LinkId { index: 9, v6: false }, peer("192.0.2.1")), 0);
    assert_eq!(ask(LINK, peer("192.0.2.1")), 1);
}

#[test]
fn a_name_that_somebody_has_is_left_to_him_and_the_next_is_taken() {
    let mut responder = Responder::new("cake-7", 8443, 42);
    responder.set_links(Duration::ZERO, office(&[OURS]));
    let first = responder.next().unwrap();
    assert_eq!(responder.tick(first).len(), 1);
    let taken = response(others()).write();
    // Not from a port that anybody may use, nor from elsewhere.
    for from in [SocketAddr::new("192.0.2.9".parse().unwrap(), 40_000), peer("198.51.100.9")] {
        assert_eq!(responder.receive(first + ms(10), LINK, from, &taken), []);
        assert_eq!(responder.label(), "cake-7");
    }
    responder.receive(first + ms(10), LINK, peer("192.0.2.9"), &taken);
    assert_eq!((responder.label().as_str(), responder.stages()), ("cake-7-2", vec!["probing"]));
    let mut last = None;
    while let Some(next) = responder.next() {
        last = responder.tick(next).pop().or(last);
    }
    let told = read(&last.unwrap());
    assert!(told.answers.iter().all(|record| record.name != claim("cake-7").host()));
    assert_eq!(told.answers[0].name, claim("cake-7-2").host());
    assert!(responder.is_settled());
}

#[test]
fn a_name_is_defended_and_asked_for_again_when_somebody_tells_it_too() {
    let (mut responder, now, _) = settled();
    let at = now + ms(100);
    // Somebody probes: he hears at once that the name is taken, though all heard it less than a second ago.
    let questions = vec![Question::new(claim("cake-7").host(), kind::ANY, false)];
    let probe = Message { questions, authority: others(), ..Message::default() };
    assert_eq!(responder.receive(at, LINK, peer("192.0.2.9"), &probe.write()), [], "… but for a quarter of one");
    let sent = responder.receive(now + ms(300), LINK, peer("192.0.2.9"), &probe.write());
    assert_eq!(kinds(&read(&sent[0]).answers), [kind::A]);
    // He tells it all the same.
    let at = now + ms(5000);
    assert_eq!(responder.receive(at, LINK, peer("192.0.2.9"), &response(others()).write()), []);
    assert_eq!((responder.label().as_str(), responder.stages()), ("cake-7", vec!["probing"]));
    // He goes on doing so: it is his.
    let next = responder.next().unwrap();
    responder.tick(next);
    responder.receive(next + ms(1), LINK, peer("192.0.2.9"), &response(others()).write());
    assert_eq!(responder.label(), "cake-7-2");
}

#[test]
fn of_two_who_ask_at_once_the_later_in_order_has_it() {
    let ask = |addresses: &[&str]| {
        let mut responder = Responder::new("cake-7", 8443, 42);
        responder.set_links(Duration::ZERO, office(addresses));
        let at = responder.next().unwrap();
        let probe = responder.tick(at).remove(0);
        (responder, at, probe)
    };
    let (mut low, at, low_probe) = ask(&["192.0.2.7"]);
    let (mut high, _, high_probe) = ask(&["192.0.2.9"]);
    high.receive(at, LINK, peer("192.0.2.7"), &low_probe.bytes);
    assert_eq!(high.next(), Some(at + ms(250)), "it goes on");
    low.receive(at, LINK, peer("192.0.2.9"), &high_probe.bytes);
    assert_eq!(low.next(), Some(at + ms(1000)), "it asks again later, for the same name");
    assert_eq!(low.label(), "cake-7");
    // A copy of its own words is no other's.
    let (mut same, at, probe) = ask(&["192.0.2.7"]);
    same.receive(at, LINK, peer("192.0.2.8"), &probe.bytes);
    assert_eq!(same.next(), Some(at + ms(250)));
}

#[test]
fn two_cards_in_one_network_are_no_conflict() {
    let both = [interface(2, &["192.0.2.7"]), interface(3, &["192.0.2.8"])];
    let mut responder = Responder::new("cake-7", 8443, 42);
    responder.set_links(Duration::ZERO, links(&both, "0.0.0.0".parse().unwrap()));
    // Each hears what the other says, and what it says itself.
    while let Some(next) = responder.next() {
        for send in responder.tick(next) {
            let from = peer(if send.link.index == 2 { "192.0.2.7" } else { "192.0.2.8" });
            for index in [2, 3] {
                assert_eq!(responder.receive(next, LinkId { index, v6: false }, from, &send.bytes), []);
            }
        }
    }
    assert_eq!((responder.label().as_str(), responder.is_settled()), ("cake-7", true));
    // A program on this machine may ask.
    let later = ms(60_000);
    let sent = responder.receive(later, LINK, peer("192.0.2.7"), &query(kind::A, false).write());
    assert_eq!(sent.len(), 1);
}

#[test]
fn conflicts_without_end_are_answered_slower() {
    let mut responder = Responder::new("cake-7", 8443, 42);
    responder.set_links(Duration::ZERO, office(&[OURS]));
    let mut now = Duration::ZERO;
    let (mut names, mut sent) = (0, 0);
    while now < ms(60_000) {
        now = responder.next().unwrap();
        sent += responder.tick(now).len();
        let theirs = claim(&responder.label()).unique(&["192.0.2.9".parse().unwrap()]);
        let before = responder.label();
        responder.receive(now, LINK, peer("192.0.2.9"), &response(theirs).write());
        names += usize::from(responder.label() != before);
    }
    assert!((20..40).contains(&names) && sent <= names + 1, "{names} names, {sent} probes in a minute");
}

#[test]
fn what_was_told_is_taken_back() {
    let (mut responder, now, _) = settled();
    let goodbye = responder.goodbye();
    let message = read(&goodbye[0]);
    assert_eq!((goodbye.len(), message.answers.len()), (1, 5));
    assert!(message.is_response && message.answers.iter().all(|record| record.ttl == 0));
    // Somebody's goodbye to a name of ours is no conflict, and where a copy of ours ends too soon it is told anew.
    let mut ours = claim("cake-7").unique(&[OURS.parse().unwrap()]);
    ours.iter_mut().for_each(|record| record.ttl = 0);
    let mut theirs = others();
    theirs.iter_mut().for_each(|record| record.ttl = 0);
    let at = now + ms(5000);
    for gone in [ours, theirs] {
        assert_eq!(responder.receive(at, LINK, peer("192.0.2.9"), &response(gone).write()), []);
        assert_eq!((responder.stages(), responder.next()), (vec!["settled"], None));
    }
    let mut ending = claim("cake-7").unique(&[OURS.parse().unwrap()]);
    ending.iter_mut().for_each(|record| record.ttl = 5);
    responder.receive(at, LINK, peer("192.0.2.9"), &response(ending).write());
    assert_eq!(kinds(&read(&responder.tick(at)[0]).answers), [kind::A, kind::SRV, kind::TXT]);
    // Nothing was told yet: nothing is taken back.
    let mut new = Responder::new("cake-7", 8443, 42);
    new.set_links(Duration::ZERO, office(&[OURS]));
    assert_eq!(new.goodbye(), []);
}

#[test]
fn links_come_change_and_go() {
    let (mut responder, now, _) = settled();
    // A second address by DHCP: told at once, without asking again.
    responder.set_links(now, office(&[OURS, "192.0.2.77"]));
    assert_eq!(responder.stages(), ["announcing"]);
    let told = read(&responder.tick(now)[0]);
    assert_eq!(kinds(&told.answers)[..2], [kind::A, kind::A]);
    // Nothing new: nothing is said.
    responder.set_links(now, office(&[OURS, "192.0.2.77"]));
    assert_eq!(responder.next(), Some(now + ms(1000)));
    // The cable is pulled, and plugged in elsewhere: asked first.
    responder.set_links(now, BTreeMap::new());
    assert_eq!((responder.next(), responder.is_settled()), (None, false));
    responder.set_links(now, office(&[OURS]));
    assert_eq!(responder.stages(), ["probing"]);
}

#[test]
fn whatever_comes_little_is_held() {
    let (mut responder, now, _) = settled();
    for number in 0..20_000u32 {
        let from = IpAddr::from([192, 0, 2, (number % 250) as u8]);
        let message =
            Message { truncated: number % 2 == 0, ..if number % 3 == 0 { browse() } else { query(255, false) } };
        let at = now + ms(u64::from(number / 10));
        responder.receive(at, LINK, SocketAddr::new(from, PORT), &message.write());
        responder.tick(at);
        assert!(responder.held() <= 20);
    }
}
