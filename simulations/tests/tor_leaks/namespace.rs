//! Network namespaces: one for the whole test, and in it one for each program that is watched, joined by a pair of
//! virtual Ethernet interfaces.
//!
//! The test starts itself once more inside its namespace. That takes no privilege where people may make user
//! namespaces, and root otherwise. Who can do neither is told so by a failing test.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

/// Set in the environment of the test that runs inside.
const INSIDE: &str = "SOTTO_TEST_NAMESPACE";

/// Runs `inside` in a network namespace of its own: in this process if it is in one already, otherwise by starting
/// this very test again in one.
pub(crate) fn within(test: &str, inside: impl AsyncFnOnce()) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if std::env::var_os(INSIDE).is_some() {
        runtime.block_on(async {
            run("ip", &["link", "set", "lo", "up"]).await;
            inside().await;
        });
        return;
    }
    let this = std::env::current_exe().unwrap();
    // Root keeps its rights; anybody else gets them within a user namespace, under the old user id.
    let unshare: &[&str] =
        if is_root() { &["--net"] } else { &["--user", "--map-current-user", "--keep-caps", "--net"] };
    let status = runtime.block_on(async {
        let mut command = Command::new("unshare");
        command.args(unshare).arg(this).args([test, "--exact", "--nocapture"]).env(INSIDE, "1");
        command.kill_on_drop(true).status().await
    });
    let status = status.expect("unshare (Debian: util-linux) starts");
    assert!(
        status.success(),
        "{test} failed in its namespace ({status}). If no namespace could be made: run the tests as root, or let users \
         make them (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)"
    );
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A namespace with one interface, whose other end is in this process's namespace.
#[derive(Debug)]
pub(crate) struct Namespace {
    /// Keeps it alive, and is the number by which it is entered.
    holder: Child,
    gateway: Ipv4Addr,
}

impl Namespace {
    /// Makes one whose interface has `address`, and whose way to everywhere is the other end at `gateway`: a packet to
    /// any address, of IPv6 as well, leaves by it and can be seen.
    pub(crate) async fn new(name: &str, address: Ipv4Addr, gateway: Ipv4Addr) -> Self {
        // Reads from a pipe that this process holds, and ends when nobody holds it any more.
        let holder = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo ready; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut namespace = Self { holder, gateway };
        namespace.wait_made().await;
        let pid = namespace.pid();
        let outside = format!("{name}-out");
        run("ip", &["link", "add", &outside, "type", "veth", "peer", "name", name, "netns", &pid]).await;
        add_address(&outside, gateway).await;
        run("ip", &["link", "set", &outside, "up"]).await;
        for args in [
            &["addr", "add", &format!("{address}/24"), "dev", name][..],
            &["link", "set", name, "up"],
            &["link", "set", "lo", "up"],
            &["route", "add", "default", "via", &gateway.to_string()],
        ] {
            namespace.run("ip", args).await;
        }
        if Path::new("/proc/sys/net/ipv6").exists() {
            let third = address.octets()[2];
            let (own, neighbour) = (format!("fd77:{third}::9/64"), format!("fd77:{third}::1"));
            run("ip", &["addr", "add", &format!("{neighbour}/64"), "dev", &outside, "nodad"]).await;
            namespace.run("ip", &["addr", "add", &own, "dev", name, "nodad"]).await;
            namespace.run("ip", &["-6", "route", "add", "default", "via", &neighbour]).await;
        }
        namespace
    }

    async fn wait_made(&mut self) {
        use tokio::io::AsyncReadExt as _;
        let mut ready = [0; 6];
        self.holder
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut ready)
            .await
            .expect("a namespace within this one");
    }

    fn pid(&self) -> String {
        self.holder.id().unwrap().to_string()
    }

    /// The other end of its interface.
    pub(crate) fn gateway(&self) -> Ipv4Addr {
        self.gateway
    }

    /// Sends a UDP packet from inside.
    pub(crate) async fn ask(&self, address: IpAddr, port: u16) {
        self.run("bash", &["-c", &format!("echo question > /dev/udp/{address}/{port}")]).await;
    }

    /// What to put before a command so that it runs inside. The process becomes the command.
    pub(crate) fn wrapper(&self) -> Vec<String> {
        ["nsenter", "--net", "--target", &self.pid()].map(str::to_owned).to_vec()
    }

    /// Runs a command inside to its end.
    pub(crate) async fn run(&self, program: &str, args: &[&str]) {
        let wrapper = self.wrapper();
        let (first, rest) = wrapper.split_first().unwrap();
        let rest = rest.iter().map(String::as_str);
        run(first, &rest.chain([program]).chain(args.iter().copied()).collect::<Vec<_>>()).await;
    }
}

/// Gives an interface of this process's namespace an address.
pub(crate) async fn add_address(interface: &str, address: Ipv4Addr) {
    run("ip", &["addr", "add", &format!("{address}/24"), "dev", interface]).await;
}

/// Runs a command to its end; its failure is the test's.
async fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).kill_on_drop(true).output().await;
    let output = output.unwrap_or_else(|error| panic!("{program} (Debian: iproute2, util-linux): {error}"));
    assert!(
        output.status.success(),
        "{program} {}: {}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
}
