//! Configurations: what the simulation prints, or target by target with short times.

use rollcall_sim::{AzureDevops, CitrixSite, CitrixStorefront, ParallelsRas, ParallelsRasSession, Simulation};

use super::Folder;

/// A target: `key: value` lines, values in YAML's flow style.
#[derive(Debug, Clone)]
pub struct Target {
    name: String,
    lines: Vec<(String, String)>,
}

impl Target {
    /// A target of any vendor.
    pub fn new(name: &str, vendor: &str, url: &str) -> Target {
        let target = Target { name: name.to_owned(), lines: Vec::new() };
        target.set("vendor", vendor).set("url", url)
    }

    /// One of the simulated RAS farm. Names are not resolved: the lists would use up the budget of requests.
    pub fn ras(name: &str, sim: &Simulation) -> Target {
        Target::new(name, "parallels_ras", &sim.url("parallels_ras"))
            .auth_password(ParallelsRas::USERNAME, ParallelsRas::PASSWORD)
            .set("resolve_names", "false")
            .set("load", "false")
            .set("license", "false")
            // 10 requests in 10 s are allowed.
            .set("interval", "2s")
            .set("stale_after", "16s")
    }

    /// A light probe of the simulated broker.
    pub fn session(name: &str, sim: &Simulation) -> Target {
        Target::new(name, "parallels_ras_session", &sim.url("parallels_ras_session"))
            .set("auth", &format!("{{ api_token: {} }}", ParallelsRasSession::API_TOKEN))
            .session_password(&format!("password: {}", ParallelsRasSession::PASSWORD))
    }

    /// A simulated Resilio client, counted from 1.
    pub fn resilio(name: &str, sim: &Simulation, client: usize) -> Target {
        Target::new(name, "resilio", &format!("{}/filer-{client:02}", sim.url("resilio")))
    }

    /// The simulated Azure DevOps organisation, by PAT.
    pub fn azure(name: &str, sim: &Simulation) -> Target {
        Target::new(name, "azure_devops", &format!("{}/contoso", sim.url("azure_devops")))
            .set("auth", &format!("{{ pat: {} }}", AzureDevops::PAT))
    }

    /// The same by Entra.
    pub fn azure_entra(name: &str, sim: &Simulation) -> Target {
        Target::azure(name, sim).entra(sim, &format!("client_secret: {}", AzureDevops::CLIENT_SECRET))
    }

    /// The simulated StoreFront, by its form.
    pub fn citrix(name: &str, sim: &Simulation) -> Target {
        let url = format!("{}/Citrix/Store", sim.url("citrix_storefront"));
        Target::new(name, "citrix_storefront", &url)
            .citrix_password(&format!("password: {}", CitrixStorefront::PASSWORD))
    }

    /// The Citrix site in the cloud; `secret` is `client_secret: …` or `client_secret_file: …`.
    pub fn site_in_cloud(name: &str, sim: &Simulation, secret: &str) -> Target {
        let (customer, client) = (CitrixSite::CUSTOMER_ID, CitrixSite::CLIENT_ID);
        let cloud = format!("{{ customer_id: {customer}, client_id: {client}, {secret} }}");
        Target::new(name, "citrix_site", &sim.url("citrix_site")).set("cloud", &cloud)
    }

    /// The usual target of a vendor.
    pub fn of(vendor: &str, name: &str, sim: &Simulation) -> Target {
        match vendor {
            "parallels_ras" => Target::ras(name, sim),
            "parallels_ras_session" => Target::session(name, sim),
            "resilio" => Target::resilio(name, sim, 1),
            "azure_devops" => Target::azure(name, sim),
            "citrix_storefront" => Target::citrix(name, sim),
            // Without the interval of the simulation's own configuration.
            "citrix_site" => {
                Target::new(name, vendor, &sim.url(vendor)).auth_password(CitrixSite::USERNAME, CitrixSite::PASSWORD)
            }
            _ => Target::simulated(vendor, name, sim),
        }
    }

    /// The first target of a vendor in the simulation's own configuration.
    fn simulated(vendor: &str, name: &str, sim: &Simulation) -> Target {
        let yaml = sim.config_yaml();
        let entries =
            yaml.split("\n  - name: ").map(|entry| entry.lines().skip(1).map_while(|line| line.strip_prefix("    ")));
        let entries = entries.map(|lines| lines.filter_map(|line| line.split_once(": ")).collect::<Vec<_>>());
        let mut of_vendor = entries.filter(|lines| lines.contains(&("vendor", vendor)));
        let lines = of_vendor.next().unwrap_or_else(|| panic!("no vendor is called {vendor:?}"));
        lines
            .into_iter()
            .fold(Target { name: name.to_owned(), lines: Vec::new() }, |target, (key, value)| target.set(key, value))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets a key, or sets it anew.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Target {
        self.lines.retain(|(old, _)| old != key);
        self.lines.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Changes the value of a key.
    #[must_use]
    pub fn map(self, key: &str, change: impl FnOnce(&str) -> String) -> Target {
        let (_, value) = self.lines.iter().find(|(old, _)| old == key).expect("the key is set");
        let value = change(value);
        self.set(key, &value)
    }

    /// Credentials with the password in the configuration.
    #[must_use]
    pub fn auth_password(self, username: &str, password: &str) -> Target {
        self.set("auth", &format!("{{ username: '{username}', password: '{password}' }}"))
    }

    /// Credentials with the password in a file.
    #[must_use]
    pub fn auth_file(self, username: &str, file: &str) -> Target {
        self.set("auth", &format!("{{ username: '{username}', password_file: {file} }}"))
    }

    /// Entra credentials; `secret` is `client_secret: …` or `client_secret_file: …`.
    #[must_use]
    pub fn entra(self, sim: &Simulation, secret: &str) -> Target {
        let (tenant, client, authority) = (AzureDevops::TENANT_ID, AzureDevops::CLIENT_ID, sim.url("azure_devops"));
        let inside = format!("tenant_id: {tenant}, client_id: {client}, {secret}, authority: '{authority}'");
        self.set("auth", &format!("{{ entra: {{ {inside} }} }}"))
    }

    /// The session that a probe asks for; `password` is `password: …` or `password_file: …`.
    #[must_use]
    pub fn session_password(self, password: &str) -> Target {
        let session = format!(
            "{{ ras_host: gw.farm.example, ras_port: 443, endpoint_host: rds-1.farm.example, endpoint_port: 3389, \
             portal_url: 'https://portal.farm.example', username: {}, {password} }}",
            ParallelsRasSession::USERNAME
        );
        self.set("session", &session)
    }

    /// Citrix credentials by the form; `password` is `password: …` or `password_file: …`.
    #[must_use]
    pub fn citrix_password(self, password: &str) -> Target {
        self.citrix_method("explicit_forms", password)
    }

    /// Citrix credentials by this method.
    #[must_use]
    pub fn citrix_method(self, method: &str, password: &str) -> Target {
        let auth = format!("{{ username: '{}', {password}, method: {method} }}", CitrixStorefront::USERNAME);
        self.set("auth", &auth)
    }
}

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    head: Vec<String>,
    targets: Vec<Target>,
}

impl Config {
    /// No targets yet. Polled every second, and given up and withdrawn late: a busy machine alone fails no poll.
    pub fn quick() -> Config {
        Config::with_defaults("{ interval: 1s, timeout: 10s, stale_after: 15s }")
    }

    /// The same for what waits until data are withdrawn: that is after 12 s.
    pub fn soon_stale() -> Config {
        Config::with_defaults("{ interval: 1s, timeout: 5s, stale_after: 12s }")
    }

    /// No targets yet; the defaults in YAML's flow style.
    pub fn with_defaults(defaults: &str) -> Config {
        Config { head: vec![format!("defaults: {defaults}")], targets: Vec::new() }
    }

    /// One more line at the top, e.g. `state_file: rollcall.state`.
    #[must_use]
    pub fn head(mut self, line: &str) -> Config {
        self.head.push(line.to_owned());
        self
    }

    /// One more target.
    #[must_use]
    pub fn target(mut self, target: Target) -> Config {
        self.targets.push(target);
        self
    }

    /// More targets.
    #[must_use]
    pub fn targets(mut self, targets: impl IntoIterator<Item = Target>) -> Config {
        self.targets.extend(targets);
        self
    }

    /// As a file.
    pub fn yaml(&self) -> String {
        let mut yaml = self.head.join("\n") + "\ntargets:\n";
        for target in &self.targets {
            yaml += &format!("  - name: {}\n", target.name);
            for (key, value) in &target.lines {
                yaml += &format!("    {key}: {value}\n");
            }
        }
        yaml
    }

    /// Writes it to `rollcall.yml` in the folder.
    pub fn write(&self, folder: &Folder) -> std::path::PathBuf {
        folder.write("rollcall.yml", &self.yaml())
    }
}
