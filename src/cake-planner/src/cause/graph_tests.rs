use super::*;

fn fallen(graph: &Graph, states: &States, state: State) -> Vec<String> {
    graph.all().filter(|ix| states.has(*ix, state)).map(|ix| graph.thing(ix).name.clone()).collect()
}

#[test]
fn two_supplies_are_enough_for_one_to_fail() {
    let mut graph = Graph::default();
    let (a, b) = (graph.add(ThingKind::Psu, "a"), graph.add(ThingKind::Psu, "b"));
    let (server, node) = (graph.add(ThingKind::Server, "server"), graph.add(ThingKind::Node, "node"));
    graph.needs_some(server, Link::Lives, &[a, b], 1);
    graph.needs(node, Link::Lives, &[server]);
    let mut states = graph.well();
    graph.fall(&mut states, a, State::Dead, &[]);
    assert_eq!(fallen(&graph, &states, State::Dead), ["a"]);
    assert_eq!(fallen(&graph, &states, State::Weak), ["server"]);
    graph.fall(&mut states, b, State::Dead, &[]);
    assert_eq!(fallen(&graph, &states, State::Dead), ["a", "b", "server", "node"]);
}

#[test]
fn a_battery_holds_until_it_says_that_it_is_empty() {
    let mut graph = Graph::default();
    let (feed, ups) = (graph.add(ThingKind::Feed, "feed"), graph.add(ThingKind::Ups, "ups"));
    let server = graph.add(ThingKind::Server, "server");
    graph.needs(ups, Link::Buffered, &[feed]);
    graph.needs(server, Link::Lives, &[ups]);
    let mut states = graph.well();
    graph.fall(&mut states, feed, State::Dead, &[]);
    assert_eq!(fallen(&graph, &states, State::Weak), ["ups"]);
    let mut states = graph.well();
    graph.fall(&mut states, feed, State::Dead, &[ups]);
    assert_eq!(fallen(&graph, &states, State::Dead), ["feed", "ups", "server"]);
}

#[test]
fn what_is_cut_off_is_not_dead_and_a_ring_ends() {
    let mut graph = Graph::default();
    let (switch, port) = (graph.add(ThingKind::Switch, "switch"), graph.add(ThingKind::Port, "port"));
    let (nic, node, vm) =
        (graph.add(ThingKind::Nic, "nic"), graph.add(ThingKind::Node, "node"), graph.add(ThingKind::Vm, "vm"));
    graph.needs(port, Link::Lives, &[switch]);
    graph.needs(nic, Link::Reach, &[port]);
    graph.needs(port, Link::Faces, &[nic]);
    graph.needs(node, Link::Reach, &[nic]);
    graph.needs(vm, Link::Lives, &[node]);
    let mut states = graph.well();
    graph.fall(&mut states, switch, State::Dead, &[]);
    assert_eq!(fallen(&graph, &states, State::Dead), ["switch", "port"]);
    assert_eq!(fallen(&graph, &states, State::Cut), ["nic", "node", "vm"]);
    assert_eq!(graph.below(switch).len(), 5);
}
