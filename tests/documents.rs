//! The JSON documents against their schemas, and the schemas against what they must not let through.

mod common;

use std::net::TcpListener;
use std::path::Path;

use common::{read_json, run, schema_faults, storm_line};
use serde_json::{Value, json};

const NAMES: [&str; 9] = ["client", "server", "run", "explain", "two-vantage", "causes", "trace", "compare", "matrix"];

fn schema(name: &str) -> Value {
    read_json(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(format!("{name}.schema.json")))
}

fn client_document() -> Value {
    let kept = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
    let port = kept.local_addr().expect("its address").port();
    run(storm_line(&format!("client --host 127.0.0.2 --port {port} --rate 100 --duration 0.1 --json -")))
        .exits(1)
        .json()
}

fn server_document() -> Value {
    run(storm_line("server --bind 127.0.0.1 --port 0 --duration 0.1 --json -")).exits(1).json()
}

/// Every object schema within `schema`, with its place.
fn objects<'a>(place: &str, schema: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    match schema {
        Value::Object(members) => {
            if members.get("type") == Some(&json!("object")) {
                found.push((place.to_owned(), schema));
            }
            for (name, member) in members {
                objects(&format!("{place}/{name}"), member, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                objects(&format!("{place}/{index}"), item, found);
            }
        }
        _ => {}
    }
}

#[test]
fn the_schemas_are_valid_and_name_themselves() {
    for name in NAMES {
        let schema = schema(name);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["$id"], format!("urn:rst-storm:{name}:1"));
        let mut found = Vec::new();
        objects("", &schema, &mut found);
        let names: Vec<&Value> = found.iter().filter_map(|(_, object)| object.pointer("/properties/schema")).collect();
        assert!(!names.is_empty(), "schema/{name}.schema.json");
        assert!(names.iter().all(|schema| schema["const"] == format!("rst-storm/{name}/1")), "{names:?}");
        if let Err(error) = jsonschema::meta::validate(&schema) {
            panic!("schema/{name}.schema.json: {error}");
        }
    }
}

#[test]
fn no_object_is_open_to_members_that_nobody_described() {
    for name in NAMES {
        let schema = schema(name);
        let mut found = Vec::new();
        objects("", &schema, &mut found);
        assert!(!found.is_empty(), "schema/{name}.schema.json has objects");
        for (place, object) in found {
            // A map from errno names to counts has no fixed members, but all its values are described; so are a map's of maps.
            let values = &object["additionalProperties"];
            let is_closed = *values == false || values["type"] == "integer" || values["type"] == "object";
            assert!(is_closed, "schema/{name}.schema.json{place}");
        }
    }
}

#[test]
fn every_member_is_described_and_every_measure_has_its_unit() {
    for name in NAMES {
        let schema = schema(name);
        let mut found = Vec::new();
        objects("", &schema, &mut found);
        for (place, object) in found {
            let Some(properties) = object["properties"].as_object() else { continue };
            for (member, description) in properties {
                let text = description["description"].as_str().unwrap_or_default().to_lowercase();
                assert!(!text.is_empty(), "schema/{name}.schema.json{place}: {member}");
                for (end, unit) in [("_seconds", "seconds"), ("_per_second", "second"), ("_percent", "percent")] {
                    assert!(
                        !member.ends_with(end) || text.contains(unit),
                        "schema/{name}.schema.json{place}: {member}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_the_halves_write_is_valid() {
    assert_eq!(schema_faults("client", &client_document()), [""; 0]);
    assert_eq!(schema_faults("server", &server_document()), [""; 0]);
}

#[test]
fn every_member_that_is_missing_or_of_another_type_is_found() {
    for (name, document) in [("client", client_document()), ("server", server_document())] {
        let members: Vec<String> = document.as_object().expect("an object").keys().cloned().collect();
        for member in members {
            let mut missing = document.clone();
            missing.as_object_mut().expect("an object").remove(&member);
            assert_ne!(schema_faults(name, &missing), [""; 0], "{name} without {member}");
            let mut wrong = document.clone();
            wrong[&member] = json!([[1]]);
            assert_ne!(schema_faults(name, &wrong), [""; 0], "{name} with a wrong {member}");
        }
    }
}

#[test]
fn a_document_that_was_tampered_with_is_found() {
    let client = client_document();
    let server = server_document();
    for (name, document, pointer, value) in [
        ("client", &client, "", json!({})),
        ("client", &client, "/schema", json!("rst-storm/client/2")),
        ("client", &client, "/outcomes/attempts", json!(-1)),
        ("client", &client, "/outcomes/attempts", json!(1.5)),
        ("client", &client, "/outcomes/extra", json!(1)),
        ("client", &client, "/outcomes/short", json!({"patience": 1})),
        ("client", &client, "/outcomes/other_by_errno", json!({"not an errno": 1})),
        ("client", &client, "/reset_percent", json!(106.9)),
        ("client", &client, "/checks/0/holds", json!("yes")),
        ("client", &client, "/checks", json!([])),
        ("client", &client, "/requested/timeout_seconds", json!(0)),
        ("client", &client, "/extra", json!(null)),
        ("server", &server, "/close", json!("gently")),
        ("server", &server, "/connections", json!(null)),
        ("server", &server, "/extra", json!(null)),
    ] {
        let mut document = document.clone();
        match document.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => {
                let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
                document.pointer_mut(parent).expect("a parent")[member] = value.clone();
            }
        }
        assert_ne!(schema_faults(name, &document), [""; 0], "{name}: {pointer} = {value}");
    }
}
