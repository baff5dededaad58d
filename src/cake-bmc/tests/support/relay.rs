//! A bad network between a test and a simulator.

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::task::{JoinHandle, JoinSet};

/// What it does to each datagram, in either direction.
#[derive(Clone, Copy, Default)]
pub struct Weather {
    /// Of a hundred.
    pub lost: u32,
    pub doubled: u32,
    pub broken: u32,
    /// Each is held back for up to so long, so that later ones pass it.
    pub delay: Duration,
}

pub struct Relay {
    address: SocketAddr,
    weather: Arc<Mutex<(Weather, StdRng)>>,
    task: JoinHandle<()>,
}

impl Relay {
    pub async fn start(target: SocketAddr, weather: Weather) -> Result<Self> {
        let front = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?);
        let address = front.local_addr()?;
        let weather = Arc::new(Mutex::new((weather, StdRng::seed_from_u64(4))));
        let task = tokio::spawn(serve(front, target, Arc::clone(&weather)));
        Ok(Self { address, weather, task })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn set(&self, weather: Weather) {
        self.weather.lock().expect("not poisoned").0 = weather;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Shared = Arc<Mutex<(Weather, StdRng)>>;

async fn serve(front: Arc<UdpSocket>, target: SocketAddr, weather: Shared) {
    let mut backs: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut buffer = [0; 2048];
    while let Ok((length, from)) = front.recv_from(&mut buffer).await {
        let back = match backs.get(&from) {
            Some(back) => Arc::clone(back),
            None => {
                let back = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket"));
                tasks.spawn(answers(Arc::clone(&back), Arc::clone(&front), from, Arc::clone(&weather)));
                backs.insert(from, Arc::clone(&back));
                back
            }
        };
        pass(&back, target, &buffer[..length], &weather);
    }
}

async fn answers(back: Arc<UdpSocket>, front: Arc<UdpSocket>, client: SocketAddr, weather: Shared) {
    let mut buffer = [0; 2048];
    loop {
        // An error is the answer of a simulator that is gone.
        if let Ok((length, _)) = back.recv_from(&mut buffer).await {
            pass(&front, client, &buffer[..length], &weather);
        }
    }
}

fn pass(socket: &Arc<UdpSocket>, to: SocketAddr, datagram: &[u8], weather: &Shared) {
    let mut weather = weather.lock().expect("not poisoned");
    let (now, random) = &mut *weather;
    let copies = if random.random_ratio(now.lost, 100) {
        0
    } else if random.random_ratio(now.doubled, 100) {
        2
    } else {
        1
    };
    for _ in 0..copies {
        let mut datagram = datagram.to_vec();
        if random.random_ratio(now.broken, 100) {
            let at = random.random_range(0..datagram.len());
            datagram[at] ^= 1 << random.random_range(0..8);
        }
        let delay = now.delay.mul_f64(random.random());
        let socket = Arc::clone(socket);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let _ = socket.send_to(&datagram, to).await;
        });
    }
}
