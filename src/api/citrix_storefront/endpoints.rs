//! `GET {store}/endpoints/v1`: where the store's services are.

use reqwest::{StatusCode, Url};

use super::{
    request::{ApiRequest, failure},
    session::{RequestContext, Session},
    xml::Element,
};
use crate::{
    failure::{Failure, Reason},
    http,
};

const ACCEPT: &str = "application/vnd.citrix.endpoints+xml";
/// `ListResourcesWithAutoProvision` is not what we want: it subscribes the account to applications.
const LIST_RESOURCES: &str = "ListResources";

/// The services that are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Enumeration without side effects.
    pub resources: Url,
    /// `machinecontrol/list`.
    pub machines: Url,
}

/// Asks the store for its endpoints; a store without that service is taken to have them where they usually are.
pub async fn discover(session: &mut Session, at: RequestContext, store: &Url) -> Result<Endpoints, Failure> {
    let request = ApiRequest::get("endpoints", http::below(store, ["endpoints", "v1"]), ACCEPT);
    let answer = session.send(at, &request).await?;
    if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::NOT_ACCEPTABLE) {
        return Ok(Endpoints::usual(store));
    }
    if !answer.status.is_success() {
        return Err(failure(&answer));
    }
    let found = Element::parse(answer.xml()?).and_then(|root| Found::read(&root));
    let found = found.map_err(|failure| failure.context(&answer.what))?;
    let usual = Endpoints::usual(store);
    let resolve = |url: Option<String>, usual: Url| match url {
        Some(url) => session.resolve(store, &url).map_err(|failure| failure.context(&answer.what)),
        None => Ok(usual),
    };
    Ok(Endpoints {
        resources: resolve(found.resources, usual.resources)?,
        machines: resolve(found.machines, usual.machines)?,
    })
}

impl Endpoints {
    fn usual(store: &Url) -> Endpoints {
        Endpoints {
            resources: http::below(store, ["resources", "v2", "withoutautoprovision"]),
            machines: http::below(store, ["machinecontrol", "list"]),
        }
    }
}

/// Addresses as the store wrote them.
#[derive(Debug, PartialEq, Default)]
pub(super) struct Found {
    pub(super) resources: Option<String>,
    pub(super) machines: Option<String>,
}

impl Found {
    pub(super) fn read(root: &Element) -> Result<Found, Failure> {
        if root.name != "endpoints" {
            return Err(Failure::new(Reason::Decode, "not a list of endpoints"));
        }
        let mut found = Found::default();
        for endpoint in root.all("endpoint") {
            let url = endpoint.text_at(&["url"]);
            let id = endpoint.attribute("id").unwrap_or_else(|| endpoint.text_at(&["id"]));
            // The id of the machine list is documented nowhere; its path is.
            let path = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/').to_ascii_lowercase();
            if id.eq_ignore_ascii_case(LIST_RESOURCES) && !url.is_empty() {
                found.resources.get_or_insert_with(|| url.to_owned());
            } else if path.ends_with("/machinecontrol/list") {
                found.machines.get_or_insert_with(|| url.to_owned());
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Found, Failure> {
        Element::parse(body.as_bytes()).and_then(|root| Found::read(&root))
    }

    #[test]
    fn the_enumeration_without_side_effects_and_the_machine_list_are_found() {
        let found = read(
            r#"<endpoints xmlns="http://citrix.com/dazzleservices/2-0/endpoints">
            <endpoint id="ListResourcesWithAutoProvision"><url>https://sf/Citrix/Store/resources/v2</url></endpoint>
            <endpoint id="ListResources"><url>
              https://sf/Citrix/Store/resources/v2/withoutautoprovision
            </url><capabilities><capability>group:core</capability></capabilities></endpoint>
            <endpoint id="Whatever"><url>https://sf/Citrix/Store/MachineControl/List/</url></endpoint>
            <endpoint id="PowerOff"><url>https://sf/Citrix/Store/machinecontrol/poweroff</url></endpoint>
            </endpoints>"#,
        );
        let found = found.expect("endpoints");
        assert_eq!(found.resources.as_deref(), Some("https://sf/Citrix/Store/resources/v2/withoutautoprovision"));
        assert_eq!(found.machines.as_deref(), Some("https://sf/Citrix/Store/MachineControl/List/"));
    }

    #[test]
    fn what_is_not_listed_is_where_it_usually_is() {
        assert_eq!(read("<endpoints/>"), Ok(Found::default()));
        assert_eq!(read("<resources/>").expect_err("a wrong root").reason, Reason::Decode);
        for store in ["https://sf.example.com/Citrix/Store", "https://sf.example.com/Citrix/Store/"] {
            let usual = Endpoints::usual(&store.parse().expect("a URL"));
            let prefix = "https://sf.example.com/Citrix/Store/";
            assert_eq!(usual.resources.as_str(), format!("{prefix}resources/v2/withoutautoprovision"));
            assert_eq!(usual.machines.as_str(), format!("{prefix}machinecontrol/list"));
        }
    }
}
