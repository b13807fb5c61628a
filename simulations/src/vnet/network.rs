//! The virtual network itself: founding, the passing of time, and what a test can do to it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sotto_client::core::{Engine, EngineError, EngineSettings, Event as PersonEvent, MessageId, Route};
use sotto_client::store::MemoryStore;
use sotto_directory::core::{
    Admission, Authority, AuthorityConfig, AuthorityError, Bootstrap, DescriptorRefusal,
};
use sotto_protocol::directory::{
    AuthoritySet, AuthoritySetError, Consensus, DocumentRefusal, Role, epoch_of, epoch_start,
};
use sotto_protocol::ident::{NodeId, NodeSecret};
use sotto_protocol::ledger::LedgerReport;
use sotto_protocol::time::Timestamp;

use super::host::{Core, Host};
use super::person::Person;
use super::plan::VnetPlan;
use super::schedule::Schedule;
use super::tap::Tap;
use super::trace::Trace;
use super::watch::Watch;
use super::wire::Event;

/// The name of the virtual network, in its documents.
const NETWORK: &str = "vnet";
/// When the run begins: an arbitrary instant, the same for all runs.
const BEGIN: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// How long before the next epoch the nodes announce themselves anew.
const ANNOUNCE_AHEAD: Duration = Duration::from_secs(2);

/// A virtual network could not be founded, or somebody asked for what is not there.
#[derive(Debug, thiserror::Error)]
pub enum VnetError {
    /// The authority refused a descriptor.
    #[error("the authority refused a descriptor: {0}")]
    Descriptor(#[from] DescriptorRefusal),
    /// The plan's parameters are not allowed.
    #[error("the authority refused the plan: {0}")]
    Authority(#[from] AuthorityError),
    /// A document could not be made or did not verify.
    #[error("a document was refused: {0}")]
    Document(#[from] DocumentRefusal),
    /// The set of authorities is impossible.
    #[error("the authorities are no set: {0}")]
    AuthoritySet(#[from] AuthoritySetError),
    /// The authority signed nothing although every node is there.
    #[error("the authority signed no consensus; check the plan's counts and parameters")]
    NoConsensus,
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No such node or person, or their program is down.
    #[error("nobody by the name {0} is up in this network")]
    NotUp(String),
}

/// A network in virtual time.
pub struct VirtualNetwork {
    pub(super) now: Timestamp,
    pub(super) plan: VnetPlan,
    pub(super) rng: ChaCha20Rng,
    pub(super) hosts: Vec<Host>,
    pub(super) by_id: BTreeMap<NodeId, usize>,
    pub(super) people: Vec<Person>,
    pub(super) schedule: Schedule<Event>,
    pub(super) consensus: Arc<Consensus>,
    pub(super) trace: Trace,
    /// Packets that the network itself lost, between nodes.
    pub(super) lost_between_nodes: u64,
    /// Packets that the network itself doubled, between nodes.
    pub(super) doubled_between_nodes: u64,
    /// Compares what engines claim with what happens, if somebody wants that.
    pub(super) watch: Option<Box<Watch>>,
    /// Notes what goes over links, if somebody wants that.
    pub(super) tap: Option<Box<Tap>>,
    /// Whether Tor works, for everybody.
    pub(super) tor_works: bool,
    /// Direct links that were opened.
    pub(super) links: u64,
    authority: Authority,
    authorities: AuthoritySet,
}

impl VirtualNetwork {
    /// Founds the network: nodes announce themselves, the authority signs, everybody has the consensus.
    ///
    /// # Errors
    /// [`VnetError`] if the plan is not one that the authority signs.
    pub fn found(plan: VnetPlan) -> Result<Self, VnetError> {
        let mut rng = ChaCha20Rng::seed_from_u64(plan.seed);
        let epoch = epoch_of(BEGIN, plan.params.epoch_s);
        let names = [(Role::Entry, "entry", plan.entries), (Role::Mix, "mix", plan.mixes)]
            .into_iter()
            .chain([(Role::Mailbox, "mailbox", plan.mailboxes)])
            .flat_map(|(role, name, count)| (1..=count).map(move |n| (role, format!("{name}-{n}"))));
        let hosts: Vec<Host> = names
            .map(|(role, name)| Host::new(name, role, ChaCha20Rng::from_rng(&mut rng), epoch, BEGIN))
            .collect();
        let by_id = hosts.iter().enumerate().map(|(index, host)| (host.id(), index)).collect();

        let secret = NodeSecret::generate(&mut rng);
        let authorities = AuthoritySet::new(NETWORK, &[secret.id()], 1)?;
        let config = AuthorityConfig {
            network: NETWORK.to_owned(),
            params: plan.params.clone(),
            admission: Admission::All,
            bootstrap: Bootstrap { entries: plan.entries, mixes: plan.mixes, mailboxes: plan.mailboxes },
        };
        let mut authority = Authority::new(config, secret)?;
        for host in &hosts {
            authority.handle_descriptor(BEGIN, &host.descriptor(NETWORK, epoch, BEGIN)?.to_bytes()?)?;
        }
        authority.handle_timeout(BEGIN, &mut rng);
        let consensus = signed(&authority, &authorities)?;

        let mut network = Self {
            now: BEGIN,
            rng,
            hosts,
            by_id,
            people: Vec::new(),
            schedule: Schedule::new(),
            consensus,
            trace: Trace::default(),
            lost_between_nodes: 0,
            doubled_between_nodes: 0,
            watch: None,
            tap: None,
            tor_works: true,
            links: 0,
            authority,
            authorities,
            plan,
        };
        network.spread_consensus();
        network.schedule_epoch(epoch + 1);
        Ok(network)
    }

    /// Adds a person with a fresh profile, of class `standard` on route `mix`.
    ///
    /// # Errors
    /// The engine's refusal to open it.
    pub fn add_person(&mut self, name: &str) -> Result<(), VnetError> {
        self.add_person_with(name, EngineSettings::new("standard"))
    }

    /// The same with other settings.
    ///
    /// # Errors
    /// The engine's refusal to open it.
    pub fn add_person_with(&mut self, name: &str, settings: EngineSettings) -> Result<(), VnetError> {
        let rng = ChaCha20Rng::from_rng(&mut self.rng);
        let mut person = Person::new(name, settings, rng, self.now)?;
        if let Some(engine) = &mut person.engine {
            engine.handle_consensus(self.now, Arc::clone(&self.consensus));
        }
        self.people.push(person);
        self.attend(self.people.len() - 1);
        Ok(())
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// How much virtual time has passed.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now.since(BEGIN)
    }

    /// What happened so far.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Notes nothing more of what happens.
    pub fn pause_trace(&mut self) {
        self.trace.pause();
    }

    /// Lets time pass.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some((at, event)) = self.schedule.pop_until(end) {
            self.now = at;
            self.handle(event);
        }
        self.now = end;
    }

    /// Lets time pass until `done`, at most `span`. Returns whether it was done.
    pub fn run_until(&mut self, span: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + span;
        while !done(self) {
            let Some((at, event)) = self.schedule.pop_until(end) else { return done(self) };
            self.now = at;
            self.handle(event);
        }
        true
    }

    /// A person's engine, to ask it or to make it do something; what it does then takes effect at once.
    ///
    /// # Errors
    /// [`VnetError::NotUp`].
    pub fn with_person<T>(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut Engine<MemoryStore>, Timestamp, &mut ChaCha20Rng) -> T,
    ) -> Result<T, VnetError> {
        let now = self.now;
        let index = self.person_index(name)?;
        let result = match self.people.get_mut(index) {
            Some(Person { engine: Some(engine), rng, .. }) => act(engine, now, rng),
            _ => return Err(VnetError::NotUp(name.to_owned())),
        };
        self.settle_person(index);
        Ok(result)
    }

    /// Lets a person send a text.
    ///
    /// # Errors
    /// The engine's refusal, or [`VnetError::NotUp`].
    pub fn send_text(&mut self, from: &str, to: &str, text: &str) -> Result<MessageId, VnetError> {
        Ok(self.with_person(from, |engine, now, rng| engine.send_text(now, to, text, rng))??)
    }

    /// What a person's engine told so far, with the time.
    ///
    /// # Errors
    /// [`VnetError::NotUp`] for a stranger; the events of a person whose program is down are still there.
    pub fn events(&self, name: &str) -> Result<&[(Timestamp, PersonEvent)], VnetError> {
        let index = self.person_index(name)?;
        self.people
            .get(index)
            .map(|person| person.events.as_slice())
            .ok_or_else(|| VnetError::NotUp(name.to_owned()))
    }

    /// When each packet of a person left by a route.
    ///
    /// # Errors
    /// [`VnetError::NotUp`] for a stranger.
    pub fn uplink(&self, name: &str, route: Route) -> Result<&[Timestamp], VnetError> {
        let index = self.person_index(name)?;
        let person = self.people.get(index).ok_or_else(|| VnetError::NotUp(name.to_owned()))?;
        Ok(person.uplink.get(&route).map_or(&[], Vec::as_slice))
    }

    /// How many frames were sent to a person by a route and not lost on the way, dummies included.
    ///
    /// # Errors
    /// [`VnetError::NotUp`] for a stranger.
    pub fn downlink(&self, name: &str, route: Route) -> Result<u64, VnetError> {
        let index = self.person_index(name)?;
        let person = self.people.get(index).ok_or_else(|| VnetError::NotUp(name.to_owned()))?;
        Ok(person.downlink.get(&route).copied().unwrap_or(0))
    }

    /// Kills a node: what its core held is gone, its keys and store stay.
    ///
    /// # Errors
    /// [`VnetError::NotUp`].
    pub fn crash_node(&mut self, name: &str) -> Result<(), VnetError> {
        let now = self.now;
        let host = self.host_mut(name)?;
        host.crash(now);
        let id = host.id();
        self.trace.note(now, format_args!("{name} crashes"));
        self.drop_sessions_at(&id);
        if let Some(index) = self.by_id.get(&id).copied() {
            self.break_circuits_to(index);
        }
        Ok(())
    }

    /// Starts a node that was killed.
    ///
    /// # Errors
    /// [`VnetError::NotUp`].
    pub fn restart_node(&mut self, name: &str) -> Result<(), VnetError> {
        let now = self.now;
        self.host_mut(name)?.start(now);
        self.trace.note(now, format_args!("{name} restarts"));
        self.spread_consensus();
        Ok(())
    }

    /// A node that is down loses its log of replay tags, as no node may: for controls of tests and attacks.
    ///
    /// # Errors
    /// [`VnetError::NotUp`] for a stranger.
    pub fn lose_tags(&mut self, name: &str) -> Result<(), VnetError> {
        self.host_mut(name)?.lose_tags();
        Ok(())
    }

    /// Kills a person's program: what it had committed stays.
    ///
    /// # Errors
    /// [`VnetError::NotUp`].
    pub fn crash_person(&mut self, name: &str) -> Result<(), VnetError> {
        let index = self.person_index(name)?;
        self.leave_sessions(index);
        if let Some(person) = self.people.get_mut(index) {
            person.crash();
        }
        if let Some(watch) = &mut self.watch {
            watch.crashed(index, self.now);
        }
        self.trace.note(self.now, format_args!("{name} crashes"));
        Ok(())
    }

    /// Starts a person's program again.
    ///
    /// # Errors
    /// The engine's refusal to open its store.
    pub fn restart_person(&mut self, name: &str) -> Result<(), VnetError> {
        let index = self.person_index(name)?;
        let (now, consensus) = (self.now, Arc::clone(&self.consensus));
        if let Some(person) = self.people.get_mut(index) {
            person.start(now)?;
            if let Some(engine) = &mut person.engine {
                engine.handle_consensus(now, consensus);
            }
        }
        self.trace.note(now, format_args!("{name} restarts"));
        self.attend(index);
        Ok(())
    }

    /// Stops everything that makes traffic of its own: people and the nodes' loops and dummies.
    pub fn quiesce(&mut self) {
        for index in 0..self.people.len() {
            self.leave_sessions(index);
            if let Some(person) = self.people.get_mut(index) {
                person.crash();
            }
        }
        for core in self.hosts.iter_mut().filter_map(|host| host.core.as_mut()) {
            core.quiesce();
        }
    }

    /// The books of every node that is up, by name, then those of the cores that crashed.
    #[must_use]
    pub fn ledgers(&self) -> Vec<(String, LedgerReport)> {
        let up = self.hosts.iter().filter_map(|host| Some((host.name.clone(), host.ledger(self.now)?)));
        let gone = self.hosts.iter().flat_map(|host| {
            host.obituaries.iter().map(|report| (format!("{} (crashed)", host.name), report.clone()))
        });
        up.chain(gone).collect()
    }

    /// Packets that were sent from node to node and arrived nowhere.
    #[must_use]
    pub fn lost_between_nodes(&self) -> u64 {
        self.lost_between_nodes
    }

    /// Packets from node to node that arrived once more than they were sent.
    #[must_use]
    pub fn doubled_between_nodes(&self) -> u64 {
        self.doubled_between_nodes
    }

    /// A new epoch: new keys are announced, the authority signs, everybody hears of it.
    pub(super) fn begin_epoch(&mut self, epoch: u64) {
        self.authority.handle_timeout(self.now, &mut self.rng);
        match signed(&self.authority, &self.authorities) {
            Ok(consensus) => self.consensus = consensus,
            Err(error) => self.trace.note(self.now, format_args!("no consensus: {error}")),
        }
        self.trace.note(self.now, format_args!("epoch {epoch} begins"));
        self.watch_places();
        self.spread_consensus();
        self.schedule_epoch(epoch + 1);
    }

    /// Every node that is up makes the key after `epoch`'s and announces itself for `epoch`.
    pub(super) fn announce(&mut self, epoch: u64) {
        for host in self.hosts.iter_mut().filter(|host| host.core.is_some()) {
            host.make_key(epoch + 1);
            let outcome = host
                .descriptor(NETWORK, epoch, self.now)
                .and_then(|descriptor| descriptor.to_bytes())
                .map_err(VnetError::from)
                .and_then(|bytes| {
                    self.authority.handle_descriptor(self.now, &bytes)?;
                    Ok(())
                });
            if let Err(error) = outcome {
                self.trace.note(self.now, format_args!("{} not admitted: {error}", host.name));
            }
        }
    }

    fn schedule_epoch(&mut self, epoch: u64) {
        let start = epoch_start(epoch, self.plan.params.epoch_s);
        self.schedule.push(start - ANNOUNCE_AHEAD, Event::Announce { epoch });
        self.schedule.push(start, Event::Epoch { epoch });
    }

    /// Hands the consensus to everybody who is up.
    fn spread_consensus(&mut self) {
        for index in 0..self.hosts.len() {
            if let Some(Host { core: Some(core), rng, .. }) = self.hosts.get_mut(index) {
                match core {
                    // A node that has it already says so, which is no news.
                    Core::Mix(mix) => {
                        let _ = mix.handle_consensus(self.now, (*self.consensus).clone(), rng);
                    }
                    Core::Mailbox(mailbox, _) => {
                        mailbox.handle_consensus(self.now, Arc::clone(&self.consensus), rng);
                    }
                }
            }
            self.settle_host(index);
        }
        for index in 0..self.people.len() {
            if let Some(Person { engine: Some(engine), .. }) = self.people.get_mut(index) {
                engine.handle_consensus(self.now, Arc::clone(&self.consensus));
            }
            self.settle_person(index);
        }
    }

    pub(super) fn person_index(&self, name: &str) -> Result<usize, VnetError> {
        self.people
            .iter()
            .position(|person| person.name == name)
            .ok_or_else(|| VnetError::NotUp(name.to_owned()))
    }

    fn host_mut(&mut self, name: &str) -> Result<&mut Host, VnetError> {
        self.hosts.iter_mut().find(|host| host.name == name).ok_or_else(|| VnetError::NotUp(name.to_owned()))
    }
}

impl fmt::Debug for VirtualNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualNetwork")
            .field("now", &self.now)
            .field("hosts", &self.hosts)
            .field("people", &self.people)
            .finish_non_exhaustive()
    }
}

fn signed(authority: &Authority, authorities: &AuthoritySet) -> Result<Arc<Consensus>, VnetError> {
    let consensus = authority.consensus().ok_or(VnetError::NoConsensus)?;
    Ok(Arc::new(consensus.verify(authorities)?))
}
