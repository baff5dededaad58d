//! A socket for each link and family: bound to the link, so that what comes elsewhere is never seen, and in the group.

use cake_planner::mdns::{DATAGRAM_MAX, GROUP_V4, GROUP_V6, Link, LinkId, PORT};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::task::Poll;
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

/// As RFC 6762 §11 wants it: whoever checks sees that no router was in between.
const HOPS: u32 = 255;
/// What the kernel keeps of a flood.
const KEPT: usize = 64 * 1024;

pub(super) struct Sockets {
    all: BTreeMap<LinkId, UdpSocket>,
    buffer: Vec<u8>,
    /// With whom the next look begins: a flood on one link leaves the others their turn.
    turn: usize,
}

impl Sockets {
    pub(super) fn new() -> Self {
        Self { all: BTreeMap::new(), buffer: vec![0; DATAGRAM_MAX], turn: 0 }
    }

    /// One socket for each of these links and no other; those that can't be had are left out, with the reason of one.
    pub(super) fn follow(&mut self, links: &mut BTreeMap<LinkId, Link>) -> Option<io::Error> {
        self.all.retain(|id, _| links.contains_key(id));
        let mut failed = None;
        links.retain(|id, link| {
            if self.all.contains_key(id) {
                return true;
            }
            match open(link) {
                Ok(socket) => self.all.insert(*id, socket).is_none(),
                Err(error) => {
                    tracing::debug!(%error, interface = link.interface, "nobody can be told there");
                    failed = Some(error);
                    false
                }
            }
        });
        failed
    }

    /// The next datagram: over which link it came, and from whom.
    pub(super) async fn receive(&mut self) -> (LinkId, SocketAddr, &[u8]) {
        let Self { all, buffer, turn } = self;
        let (id, from, length) = poll_fn(|context| {
            *turn = turn.wrapping_add(1);
            let begin = *turn % all.len().max(1);
            for (id, socket) in all.iter().skip(begin).chain(all.iter().take(begin)) {
                let mut read = ReadBuf::new(buffer);
                // An error of one datagram is no end of the socket.
                if let Poll::Ready(Ok(from)) = socket.poll_recv_from(context, &mut read) {
                    return Poll::Ready((*id, from, read.filled().len()));
                }
            }
            Poll::Pending
        })
        .await;
        (id, from, &buffer[..length])
    }

    /// Sends at once or not at all: what is lost here may be lost on the wire too, and is asked for again.
    pub(super) fn send(&self, id: LinkId, to: Option<SocketAddr>, bytes: &[u8]) {
        let Some(socket) = self.all.get(&id) else { return };
        let group = || match id.v6 {
            false => SocketAddr::new(GROUP_V4.into(), PORT),
            true => SocketAddrV6::new(GROUP_V6, PORT, 0, id.index).into(),
        };
        if let Err(error) = SockRef::from(socket).send_to(bytes, &to.unwrap_or_else(group).into()) {
            tracing::debug!(%error, link = id.index, "a datagram was not sent");
        }
    }
}

fn open(link: &Link) -> io::Result<UdpSocket> {
    let LinkId { index, v6 } = link.id;
    let domain = if v6 { Domain::IPV6 } else { Domain::IPV4 };
    let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    // Others on this machine may speak the protocol too.
    socket.set_reuse_address(true)?;
    socket.bind_device(Some(link.interface.as_bytes()))?;
    socket.set_recv_buffer_size(KEPT)?;
    if v6 {
        socket.set_only_v6(true)?;
        socket.set_multicast_hops_v6(HOPS)?;
        socket.set_unicast_hops_v6(HOPS)?;
        socket.join_multicast_v6(&GROUP_V6, index)?;
        socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT)).into())?;
    } else {
        socket.set_multicast_ttl_v4(HOPS)?;
        socket.set_ttl_v4(HOPS)?;
        socket.join_multicast_v4_n(&GROUP_V4, &InterfaceIndexOrAddress::Index(index))?;
        socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)).into())?;
    }
    UdpSocket::from_std(socket.into())
}
