//! Discovery, endpoints and the enumeration of resources.

use super::super::{Request, Response};
use super::{
    Enumeration,
    fleet::{Farm, Resource, View},
    xml::escape,
};
use base64::{Engine, prelude::BASE64_URL_SAFE};
use bytes::Bytes;
use hyper::StatusCode;

/// Media types.
pub(super) const RESOURCES: &str = "application/vnd.citrix.resources+xml";
pub(super) const ENDPOINTS: &str = "application/vnd.citrix.endpoints+xml";
pub(super) const DISCOVERY: &str = "application/vnd.citrix.discovery+xml";

const STORE: &str = "/Citrix/Store";

/// `GET {store}/endpoints/v1`, without a token.
pub(super) fn endpoints(request: &Request, old_server: bool) -> Response {
    // The ids of machine control are not documented; clients know the path.
    let list = [
        ("Endpoints", "/endpoints/v1", "endpoints"),
        ("DiscoveryDocument", "/discovery", "discovery"),
        ("ListResources", "/resources/v2/withoutautoprovision", "ResourcesEnumerationV2"),
        ("ListResourcesWithAutoProvision", "/resources/v2", "AutoProvision"),
        ("SessionsAvailable", "/sessions/v1/available", "sessions"),
        ("MachineControlList", "/machinecontrol/list", "machinecontrol"),
        ("MachineControlShutdown", "/machinecontrol/shutdown", "machinecontrol"),
    ];
    let base = request.base();
    let body: String = list
        .iter()
        .filter(|(id, _, _)| !old_server || !id.starts_with("MachineControl"))
        .map(|(id, path, capability)| {
            format!(
                "  <endpoint id=\"{id}\">\n    <url>{base}{STORE}{path}</url>\n    <capabilities>\n      \
                 <capability>{capability}</capability>\n    </capabilities>\n  </endpoint>\n"
            )
        })
        .collect();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <endpoints xmlns=\"http://citrix.com/dazzleservices/2-0/endpoints\">\n{body}</endpoints>"
    );
    Response::full(StatusCode::OK, ENDPOINTS, body)
}

/// `GET {store}/discovery`, without a token. Its schema is not public; only that it answers is used.
pub(super) fn discovery(request: &Request) -> Response {
    let base = request.base();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <services xmlns=\"http://citrix.com/delivery-services/1-0/discovery\"><service><name>Store</name>\
         <address>{base}{STORE}/discovery</address><endpoints>{base}{STORE}/endpoints/v1</endpoints></service></services>"
    );
    Response::full(StatusCode::OK, DISCOVERY, body)
}

/// The farms that answer an enumeration: all, all but the last, or none.
pub(super) fn answering(farms: Vec<Farm>, enumeration: Enumeration) -> Vec<Farm> {
    let count = match enumeration {
        Enumeration::Full => farms.len(),
        Enumeration::Partial => farms.len().saturating_sub(1).max(1),
        Enumeration::Failed => 0,
    };
    farms.into_iter().take(count).collect()
}

/// The enumeration, made while it is sent.
pub(super) fn enumerate(request: &Request, view: &View, enumeration: Enumeration) -> Response {
    let base = request.base();
    let head = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <resources xmlns=\"http://citrix.com/delivery-services/2-0/resources\"\
         \n           xmlns:a=\"http://citrix.com/delivery-services/2-0/subscriptions\"\
         \n           enumeration=\"{}\" a:subscriptionsstatus=\"enabled\">\n",
        enumeration.name()
    );
    let printer = Printer { base, old_server: view.old_server, other_spelling: view.other_spelling };
    let items = answering(view.farms(), enumeration).into_iter().flat_map(move |farm| {
        let printer = printer.clone();
        let name = farm.name;
        farm.resources().map(move |resource| printer.print(name, &resource))
    });
    let mut parts = std::iter::once(head).chain(items).chain(std::iter::once("</resources>".to_owned()));
    let chunks = std::iter::from_fn(move || {
        let mut chunk = parts.next()?;
        while chunk.len() < 32 * 1024
            && let Some(part) = parts.next()
        {
            chunk.push_str(&part);
        }
        Some(Bytes::from(chunk))
    });
    Response::stream(RESOURCES, chunks).with_header("cache-control", "public, no-store, max-age=0")
}

#[derive(Clone)]
struct Printer {
    base: String,
    old_server: bool,
    other_spelling: bool,
}

impl Printer {
    fn print(&self, farm: &str, resource: &Resource) -> String {
        let id = format!("{farm}.{}", resource.title);
        let link = format!("{}{STORE}/resources/v2/{}", self.base, BASE64_URL_SAFE.encode(&id));
        // Where the page names the property it says neither whether it is an element nor how it is written.
        let (attribute, element) = match (self.old_server, self.other_spelling) {
            (true, _) => (String::new(), String::new()),
            (false, true) => {
                let flag = if resource.queryable { "True" } else { "False" };
                (format!(" canQueryMachineState=\"{flag}\""), String::new())
            }
            (false, false) => {
                let flag = resource.queryable;
                let element = format!("    <canquerymachinestate>{flag}</canquerymachinestate>\n");
                (String::new(), element)
            }
        };
        let kind = if resource.desktop { "Citrix.MPS.Desktop" } else { "Citrix.MPS.Application" };
        format!(
            "  <resource{attribute}>\n    <id>{id}</id>\n    <link>\n      <url>{link}</url>\n    </link>\n    \
             <title>{title}</title>\n    <summary>{title}</summary>\n    <path>\\</path>\n    \
             <resourcetype>{kind}</resourcetype>\n    <clienttypes>\n      <clienttype>ica30</clienttype>\n    \
             </clienttypes>\n    <enabled>true</enabled>\n    <launchica>\n      <url>{link}/launch/ica</url>\n    \
             </launchica>\n{element}    <aggregatedresource>false</aggregatedresource>\n    \
             <publisherresourceid>{title}</publisherresourceid>\n    <publishername>{farm}</publishername>\n  \
             </resource>\n",
            id = escape(&id),
            title = escape(&resource.title),
        )
    }
}
