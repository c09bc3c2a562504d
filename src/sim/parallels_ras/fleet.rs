//! The simulated farm: which rows the agent list holds, and the state of each as a pure function of (seed, row, time).
//!
//! What moves in a calm farm is spread by strides over a pool, so that a pool of any size has only a small share of
//! hosts that do not serve, and a pool of fewer than ten has none: nothing of it may page.

use super::states;
use crate::{Incident, Quirk, World};
use std::time::Duration;

/// Server types of the page, by name.
pub(super) mod kind {
    pub(crate) const RDS_HOST: i32 = 1;
    pub(crate) const PROVIDER: i32 = 2;
    pub(crate) const GATEWAY: i32 = 3;
    pub(crate) const GUEST: i32 = 4;
    pub(crate) const PA: i32 = 7;
    pub(crate) const SITE: i32 = 9;
    pub(crate) const VDI_HOST_POOL: i32 = 10;
    pub(crate) const RDS_GROUP: i32 = 16;
    pub(crate) const HALB_DEVICE: i32 = 25;
    pub(crate) const TENANT_BROKER: i32 = 45;
    pub(crate) const ENROLLMENT: i32 = 46;
    pub(crate) const HALB: i32 = 51;
    pub(crate) const AVD_WORKSPACE: i32 = 64;
    pub(crate) const AVD_HOST_POOL: i32 = 65;
    pub(crate) const AVD_TEMPLATE: i32 = 66;
    pub(crate) const AVD_HOST: i32 = 67;
    pub(crate) const VDI_TEMPLATE_VERSION: i32 = 95;
    pub(crate) const AVD_TEMPLATE_VERSION: i32 = 96;
    pub(crate) const RDS_TEMPLATE_VERSION: i32 = 97;
    pub(crate) const RDS_TEMPLATE: i32 = 107;
    pub(crate) const VDI_TEMPLATE: i32 = 108;
    pub(crate) const VDI_HOST: i32 = 2013;
}

/// The lots of [`FarmState::calm`] are drawn anew after this many seconds.
const WATCH: u64 = 10_800;
/// The lot of a desktop that is made anew.
const ANEW: usize = 5;
/// The first lot of those to whom nothing in particular happens.
const ORDINARY: usize = 8;
/// Ids step by this, so that every site has its own.
const MOST_SITES: usize = 3;

/// All objects of one type in one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Group {
    pub(super) site: usize,
    pub(super) server_type: i32,
    pub(super) count: usize,
}

/// One row of the agent list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    pub(super) group: Group,
    pub(super) index: usize,
    pub(super) state: i32,
}

impl Row {
    /// Unique within a type; another type has the same numbers again, as on a real farm.
    pub(super) fn id(&self) -> usize {
        id(self.group, self.index)
    }
}

/// The id of the object with this index in its group.
pub(super) fn id(group: Group, index: usize) -> usize {
    index * MOST_SITES + group.site
}

/// The groups of a farm with that many hosts, in the order of the list.
pub(super) fn layout(hosts: usize) -> Vec<Group> {
    let sites = match hosts {
        0..40 => 1,
        40..300 => 2,
        _ => MOST_SITES,
    };
    (1..=sites)
        .flat_map(|site| {
            let share = hosts / sites + usize::from(site <= hosts % sites);
            site_groups(site, share)
        })
        .filter(|group| group.count > 0)
        .collect()
}

fn site_groups(site: usize, hosts: usize) -> Vec<Group> {
    let at_least = |least: usize, count: usize| if hosts >= least { count } else { 0 };
    let counts = [
        (kind::PA, if hosts >= 8 { 2 } else { 1 }),
        (kind::GATEWAY, if hosts >= 8 { (hosts / 200).clamp(2, 16) } else { 1 }),
        (kind::PROVIDER, 1 + at_least(50, 1)),
        (kind::ENROLLMENT, at_least(10, 1)),
        (kind::HALB_DEVICE, at_least(20, 2)),
        (kind::GUEST, at_least(20, hosts / 20)),
        (kind::AVD_HOST, at_least(20, hosts / 10)),
        (kind::VDI_HOST, at_least(12, hosts / 4)),
    ];
    let used: usize = counts.iter().map(|(_, count)| count).sum();
    let rds = hosts.saturating_sub(used).max(1);
    let vdi = at_least(12, 1);
    let avd = at_least(20, 1);
    let logical = [
        (kind::SITE, 1),
        (kind::RDS_GROUP, 1 + rds / 100),
        (kind::RDS_TEMPLATE, 1),
        (kind::RDS_TEMPLATE_VERSION, 1),
        (kind::VDI_HOST_POOL, vdi + at_least(400, hosts / 400)),
        (kind::VDI_TEMPLATE, vdi),
        (kind::VDI_TEMPLATE_VERSION, vdi * 2),
        (kind::AVD_WORKSPACE, avd),
        (kind::AVD_HOST_POOL, avd),
        (kind::AVD_TEMPLATE, avd),
        (kind::AVD_TEMPLATE_VERSION, avd),
        (kind::HALB, at_least(20, 1)),
        (kind::TENANT_BROKER, usize::from(site == 1)),
    ];
    [(kind::RDS_HOST, rds)]
        .into_iter()
        .chain(counts)
        .chain(logical)
        .map(|(server_type, count)| Group { site, server_type, count })
        .collect()
}

/// What every row of one answer depends on, read once, so that a streamed list is of one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct FarmState {
    now: u64,
    gateway_lost: bool,
    patch_night: Option<Duration>,
    unknown_state: bool,
    every_state: bool,
    old_server: bool,
}

impl FarmState {
    pub(super) fn of(world: &World, vendor: &'static str) -> FarmState {
        FarmState {
            now: world.now().as_secs(),
            gateway_lost: world.since(Incident::GatewayLost).is_some(),
            patch_night: world.since(Incident::PatchNight),
            unknown_state: world.quirk(vendor, Quirk::UnknownState),
            every_state: world.quirk(vendor, Quirk::EveryState),
            old_server: world.quirk(vendor, Quirk::OldServer),
        }
    }

    /// The rows of a group at this moment. A server before v21 has no VDI host pools.
    pub(super) fn rows(self, world: &World, group: Group) -> impl Iterator<Item = Row> {
        let hidden = self.old_server && group.server_type == kind::VDI_HOST_POOL;
        let count = if hidden { 0 } else { group.count };
        (0..count).map(move |index| Row { group, index, state: self.state(world, group, index) })
    }

    fn state(self, world: &World, group: Group, index: usize) -> i32 {
        match group.server_type {
            _ if self.every_state => states::AGENT_STATES[index % states::AGENT_STATES.len()].0,
            kind::RDS_HOST if self.unknown_state && group.site == 1 && index == 0 => 99,
            kind::RDS_HOST | kind::VDI_HOST | kind::AVD_HOST => match self.patch_night {
                Some(since) => self.in_patch_night(world, since, group, index),
                None => self.calm(world, group, index),
            },
            kind::GUEST => self.calm(world, group, index),
            kind::GATEWAY if self.gateway_lost => -1,
            kind::HALB if self.gateway_lost => 40,
            // One broker of a site leads, the others stand by; of two load balancers one carries the address.
            kind::PA => i32::from(index > 0) * 27,
            kind::HALB_DEVICE => 37 + i32::from(index > 0),
            kind::TENANT_BROKER => 33,
            kind::VDI_HOST_POOL if self.phase(world, group, 0, 7_200) < 240 => 63,
            kind::VDI_TEMPLATE_VERSION => 37 + i32::from(index > 0),
            _ => 0,
        }
    }

    /// A host of a calm farm. Whatever happens to it happens once in [`WATCH`] at the same phase, so that no hour sees
    /// six changes of one host: that would be flapping.
    fn calm(self, world: &World, group: Group, index: usize) -> i32 {
        let desktop = is_desktop(group);
        let lot = lot(world, self.now, group, index);
        let second = self.phase(world, group, index, WATCH);
        match lot {
            0 => 14,
            1 => 13,
            2 => [60, 57, 21][index % 3],
            // A reboot.
            3 => match second {
                0..300 => 13,
                300..480 => -1,
                480..540 => 10,
                _ => 0,
            },
            4 if second < 240 => 67,
            ANEW if desktop => match second {
                0..180 => 25,
                180..300 => 18,
                300..360 => 8,
                _ => 0,
            },
            // Desktops that nobody needs at the moment are off.
            6 | 7 if desktop => -4,
            // Everybody synchronises its settings now and then.
            _ if second % (WATCH / 2) < 75 => 10,
            _ => 0,
        }
    }

    /// A host in a patch night. What something else happens to within an hour is left out of it, so that no hour sees six
    /// changes of one host, whenever the night begins and ends; it stays drained where it would be gone.
    fn in_patch_night(self, world: &World, since: Duration, group: Group, index: usize) -> i32 {
        let hour_before = self.now.saturating_sub(since.as_secs()).saturating_sub(3_600);
        let watches = hour_before / WATCH..=(self.now + 3_600) / WATCH;
        let ordinary = |watch: u64| is_ordinary(lot(world, watch * WATCH, group, index), group);
        match self.calm(world, group, index) {
            _ if watches.clone().all(ordinary) => patched(since, group, index),
            -1 => 13,
            state => state,
        }
    }

    /// Seconds into a period that begins for every object at another time.
    fn phase(self, world: &World, group: Group, index: usize, period: u64) -> u64 {
        let shift = world.dice("phase", pool_key(group) ^ ((index as u64) << 20));
        (self.now + shift % period) % period
    }
}

/// A host in a patch night: a tenth of the pool at a time (at least one) is drained for six minutes and reboots for two and
/// a half, then the next are due. A round takes two hours, so that no host is seen to flap.
fn patched(since: Duration, group: Group, index: usize) -> i32 {
    const SLOT: u64 = 600;
    let batch = (group.count / 10).max(1);
    let slots = group.count.div_ceil(batch).max(12) as u64;
    let (slot, second) = ((since.as_secs() / SLOT) % slots, since.as_secs() % SLOT);
    if (index / batch) as u64 != slot {
        return 0;
    }
    match second {
        0..360 => 13,
        360..510 => -1,
        _ => 0,
    }
}

fn is_desktop(group: Group) -> bool {
    matches!(group.server_type, kind::VDI_HOST | kind::GUEST)
}

/// What happens to a host of a calm farm in this watch.
fn lot(world: &World, now: u64, group: Group, index: usize) -> usize {
    let watch = (now / WATCH) as usize;
    let offset = world.dice("calm", watch as u64 ^ pool_key(group)) as usize % group.count;
    let position = (index + offset) % group.count;
    match group.count {
        // Nothing that takes a host out of a pool so small.
        0..10 if is_desktop(group) && position == 3 => ANEW,
        0..10 => ORDINARY,
        // A small pool has one such host in ten, of changing kind.
        10..60 if position.is_multiple_of(10) => (position / 10 + watch) % ORDINARY,
        10..60 => ORDINARY,
        _ => position % 60,
    }
}

/// Whether the host does no more than synchronise its settings.
fn is_ordinary(lot: usize, group: Group) -> bool {
    match lot {
        0..=4 => false,
        ANEW | 6 | 7 => !is_desktop(group),
        _ => true,
    }
}

fn pool_key(group: Group) -> u64 {
    (group.server_type as u64) << 8 | group.site as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use std::collections::HashMap;

    fn world(agents: usize) -> World {
        World::new(Options { agents, frozen: true, ..Options::default() })
    }

    #[test]
    fn a_farm_of_any_size_has_exactly_its_hosts_and_an_entry_point() {
        for hosts in [6, 7, 12, 39, 40, 70, 299, 300, 5_000, 39_986] {
            let groups = layout(hosts);
            let count =
                |pred: &dyn Fn(&Group) -> bool| -> usize { groups.iter().filter(|g| pred(g)).map(|g| g.count).sum() };
            assert_eq!(count(&|g| states::is_host(g.server_type)), hosts, "{hosts}");
            for needed in [kind::PA, kind::GATEWAY, kind::RDS_HOST, kind::SITE] {
                assert!(count(&|g| g.server_type == needed) > 0, "{hosts}: {needed}");
            }
        }
    }

    #[test]
    fn neither_a_calm_day_nor_a_patch_night_takes_a_fifth_of_a_pool_down() {
        let world = world(4_000);
        for group in layout(world.share("parallels_ras")) {
            for minute in (0..1_440_u64).step_by(7) {
                let mut moment = FarmState::of(&world, "parallels_ras");
                moment.now += minute * 60;
                for night in [None, Some(Duration::from_secs(minute * 60))] {
                    moment.patch_night = night;
                    let failed = moment
                        .rows(&world, group)
                        .filter(|r| states::health(r.state, r.group.server_type, true) == "failed");
                    let failed = failed.count();
                    assert!(failed * 10 <= group.count, "{group:?}: {failed} in {night:?}");
                }
            }
        }
    }

    /// When hosts change their class, in seconds, looked at every ten; `night` is for how long a patch night has gone on.
    fn changes(
        world: &World,
        groups: &[Group],
        seconds: std::ops::Range<u64>,
        night: impl Fn(u64) -> Option<Duration>,
    ) -> HashMap<(Group, usize), Vec<u64>> {
        let mut changes: HashMap<(Group, usize), Vec<u64>> = HashMap::new();
        let mut last = HashMap::new();
        for second in seconds.step_by(10) {
            let mut moment = FarmState::of(world, "parallels_ras");
            moment.now += second;
            moment.patch_night = night(second);
            for row in groups.iter().flat_map(|g| moment.rows(world, *g)) {
                let key = (row.group, row.index);
                let class = states::health(row.state, row.group.server_type, true);
                if last.insert(key, class).is_some_and(|before| before != class) {
                    changes.entry(key).or_default().push(second);
                }
            }
        }
        for (key, times) in &changes {
            let flaps = times.windows(6).any(|w| w[5] - w[0] <= 3_600);
            assert!(!flaps, "{key:?}: {times:?}");
        }
        changes
    }

    #[test]
    fn a_calm_day_moves_and_no_host_changes_its_class_six_times_in_an_hour() {
        let world = world(400);
        let groups = layout(world.share("parallels_ras"));
        let all: usize = changes(&world, &groups, 0..86_400, |_| None).values().map(Vec::len).sum();
        assert!(all > 24 * 10, "something happens every few minutes: {all}");
    }

    #[test]
    fn no_host_changes_its_class_six_times_in_an_hour_whenever_a_patch_night_begins_and_ends() {
        const HOUR: u64 = 3_600;
        let world = world(60);
        let groups = layout(world.share("parallels_ras"));
        for minute in (60..720).step_by(5) {
            let (begin, end) = (minute * 60, minute * 60 + HOUR);
            let night = |second: u64| (begin..end).contains(&second).then(|| Duration::from_secs(second - begin));
            let patched = changes(&world, &groups, begin - HOUR..end + HOUR, night);
            let within = |times: &&Vec<u64>| times.iter().any(|second| (begin + 10..end).contains(second));
            assert!(patched.values().filter(within).count() >= 3, "hosts are rebooted in the night of minute {minute}");
        }
    }

    #[test]
    fn the_seed_decides_who_is_drained() {
        let rows = |seed| {
            let mut world = world(1_000);
            world.options.seed = seed;
            let moment = FarmState::of(&world, "parallels_ras");
            let groups = layout(world.share("parallels_ras"));
            let all = groups.into_iter().flat_map(|g| moment.rows(&world, g));
            all.collect::<Vec<_>>()
        };
        assert_eq!(rows(1), rows(1));
        assert_ne!(rows(1), rows(2));
    }
}
