//! Files that are followed where the system tells of no changes.

use std::fs;
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::mesh::service_mesh::Mesh;
use crate::mesh::service_mesh::state::watched_folders::watcher;

const ENTRY: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: users}
spec:
  hosts: [users.internal]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
";

/// As with `fs.inotify.max_user_instances` used up: the system has no watcher left.
#[test]
fn files_are_read_again_and_again_where_no_watcher_can_be_had() {
    let folder = std::env::temp_dir().join(format!("meshless-untold-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("users.yaml");
    fs::write(&path, ENTRY).unwrap();
    let mesh = Mesh::from_path(&folder).unwrap();
    let none = |_: &_, _| Err(notify::Error::io(io::Error::from_raw_os_error(24)));
    let watch = mesh.watch_with(folder.clone(), none).unwrap();
    assert!(!watch.is_notified());

    let next = folder.join(".users.yaml.next");
    fs::write(&next, ENTRY.replace("10.0.0.1", "10.0.0.2")).unwrap();
    fs::rename(&next, &path).unwrap();
    let begin = Instant::now();
    while mesh.version() == 1 {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "not taken in time"
        );
        sleep(Duration::from_millis(5));
    }
    assert_eq!(mesh.version(), 2);
    drop(watch);
    fs::remove_dir_all(folder).unwrap();
}

/// As git-sync swaps it: a folder of its own for each version, and a link on the way to the path.
#[cfg(unix)]
#[test]
fn a_link_on_the_way_to_the_path_is_followed_as_soon_as_it_is_swapped() {
    use std::os::unix::fs::symlink;

    let folder = std::env::temp_dir().join(format!("meshless-swapped-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let link = folder.join("current");
    let publish = |version: &str| {
        let inside = folder.join(version).join("policies");
        fs::create_dir_all(&inside).unwrap();
        let text = ENTRY.replace("10.0.0.1", &format!("10.0.0.{version}"));
        fs::write(inside.join("users.yaml"), text).unwrap();
        symlink(version, folder.join("next")).unwrap();
        fs::rename(folder.join("next"), &link).unwrap();
    };
    publish("1");
    for path in [
        link.clone(),
        link.join("policies"),
        link.join("policies/users.yaml"),
    ] {
        let mesh = Mesh::from_path(&path).unwrap();
        // Nothing but what the system tells of is looked at within the time of a test.
        let hour = Duration::from_secs(3_600);
        let watch = mesh.watch_within(path, watcher, hour).unwrap();
        assert!(watch.is_notified());
        // The thread has read the files when it takes this one.
        for version in ["2", "3", "1"] {
            let before = mesh.version();
            let begin = Instant::now();
            publish(version);
            while mesh.version() == before {
                assert!(
                    begin.elapsed() < Duration::from_secs(10),
                    "{version} not taken"
                );
                sleep(Duration::from_millis(5));
            }
        }
    }
    fs::remove_dir_all(folder).unwrap();
}
