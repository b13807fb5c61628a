//! Fetching a consensus and publishing a descriptor, from a server that plays its part and from ones that do not.

use sotto_protocol::directory::{
    AuthoritySet, Consensus, ConsensusNode, Descriptor, EpochKey, Params, Place, Role, SignedConsensus,
    SignedDescriptor, epoch_start,
};
use sotto_protocol::frame::{DocumentAssembler, DocumentKind, Frame, split_document};
use sotto_protocol::sphinx::HopPublic;
use sotto_transport::directory_client::{fetch_consensus, offer_descriptor, publish_descriptor};
use sotto_transport::link::Link;
use tokio::task::JoinHandle;

use crate::support::{Node, client, id, node_connector, secret, soon};

const EPOCH: u64 = 500_000;

fn hop_keys(number: u8) -> Vec<EpochKey> {
    [EPOCH, EPOCH + 1].map(|epoch| EpochKey { epoch, key: HopPublic::from_bytes([number; 32]) }).to_vec()
}

fn consensus() -> Consensus {
    let places = [
        Place::Entry,
        Place::Mix { layer: 1 },
        Place::Mix { layer: 2 },
        Place::Mix { layer: 3 },
        Place::Mailbox,
    ];
    let mut nodes: Vec<_> = places
        .into_iter()
        .cycle()
        .zip(1..=50)
        .map(|(place, number)| ConsensusNode {
            node: id(number),
            place,
            address: format!("127.0.0.1:{}", 9000 + u16::from(number)),
            onion_address: None,
            hop_keys: hop_keys(number),
        })
        .collect();
    nodes.sort_unstable_by_key(|node| node.node);
    Consensus {
        network: "demo".to_owned(),
        epoch: EPOCH,
        valid_after: epoch_start(EPOCH, 3600),
        valid_until: epoch_start(EPOCH + 1, 3600),
        randomness: [7; 32],
        params: Params::default(),
        nodes,
    }
}

fn authorities() -> AuthoritySet {
    AuthoritySet::new("demo", &[id(101), id(102)], 2).unwrap()
}

fn signed() -> SignedConsensus {
    consensus().sign(&[&secret(101), &secret(102)]).unwrap()
}

/// Answers one request for the consensus with `document`, dummies in between.
fn serve_document(mut node: Node, document: Vec<u8>) -> (String, JoinHandle<Link>) {
    let address = node.address.clone();
    let task = tokio::spawn(async move {
        let mut link = node.next_link().await;
        assert!(matches!(link.next().await.unwrap(), Frame::ConsensusGet));
        for part in split_document(DocumentKind::Consensus, &document).unwrap() {
            link.send(&Frame::Dummy).await.unwrap();
            link.send(&Frame::DocumentPart(part)).await.unwrap();
        }
        link
    });
    (address, task)
}

#[tokio::test]
async fn a_consensus_that_the_authorities_signed_is_taken_from_anybody() {
    let document = signed().to_bytes().unwrap();
    assert!(document.len() > 2 * 2400, "it takes several frames");
    let (address, serving) = serve_document(Node::start(1).await, document);
    let fetched = soon(fetch_consensus(&client(), &id(1), &address, &authorities())).await;
    let (fetched_signed, fetched_consensus) = fetched.unwrap();
    assert_eq!(fetched_signed, signed());
    assert_eq!(fetched_consensus.nodes.len(), 50);
    soon(serving).await.unwrap();
}

#[tokio::test]
async fn a_consensus_without_enough_signatures_is_refused() {
    let document = consensus().sign(&[&secret(101), &secret(103)]).unwrap().to_bytes().unwrap();
    let (address, serving) = serve_document(Node::start(1).await, document);
    let error = soon(fetch_consensus(&client(), &id(1), &address, &authorities())).await.unwrap_err();
    assert!(matches!(error, sotto_transport::directory_client::DirectoryError::Document(_)), "{error:?}");
    soon(serving).await.unwrap();
}

#[tokio::test]
async fn a_consensus_that_was_changed_is_refused() {
    let mut document = signed().to_bytes().unwrap();
    let middle = document.len() / 2;
    document[middle] ^= 1;
    let (address, serving) = serve_document(Node::start(1).await, document);
    let error = soon(fetch_consensus(&client(), &id(1), &address, &authorities())).await.unwrap_err();
    assert!(matches!(error, sotto_transport::directory_client::DirectoryError::Document(_)), "{error:?}");
    soon(serving).await.unwrap();
}

#[tokio::test]
async fn a_refusal_a_wrong_frame_and_a_closed_link_have_their_labels() {
    let refused = Frame::Refused { label: "no-consensus".to_owned(), text: "not yet".to_owned() };
    for (answer, label) in
        [(Some(refused), "refused"), (Some(Frame::Accepted), "unexpected-frame"), (None, "closed")]
    {
        let mut node = Node::start(1).await;
        let address = node.address.clone();
        let serving = tokio::spawn(async move {
            let mut link = node.next_link().await;
            link.next().await.unwrap();
            if let Some(answer) = answer {
                link.send(&answer).await.unwrap();
                // Until the other side has read it.
                let _ended = link.next().await;
            }
        });
        let error = soon(fetch_consensus(&client(), &id(1), &address, &authorities())).await.unwrap_err();
        assert_eq!(error.label(), label);
        soon(serving).await.unwrap();
    }
}

#[tokio::test]
async fn pieces_out_of_order_are_refused() {
    let mut node = Node::start(1).await;
    let address = node.address.clone();
    let serving = tokio::spawn(async move {
        let mut link = node.next_link().await;
        link.next().await.unwrap();
        let parts = split_document(DocumentKind::Consensus, &signed().to_bytes().unwrap()).unwrap();
        for part in parts.into_iter().skip(1) {
            if link.send(&Frame::DocumentPart(part)).await.is_err() {
                break;
            }
        }
    });
    let error = soon(fetch_consensus(&client(), &id(1), &address, &authorities())).await.unwrap_err();
    assert_eq!(error.label(), "document-part-order");
    soon(serving).await.unwrap();
}

fn descriptor() -> SignedDescriptor {
    let descriptor = Descriptor {
        network: "demo".to_owned(),
        node: id(5),
        role: Role::Mix,
        address: "127.0.0.1:9001".to_owned(),
        onion_address: None,
        hop_keys: hop_keys(5),
        published: epoch_start(EPOCH, 3600),
        software: "sotto-mix 0.1.0".to_owned(),
        capabilities: Vec::new(),
    };
    descriptor.sign(&secret(5)).unwrap()
}

#[tokio::test]
async fn a_descriptor_arrives_whole_and_the_verdict_comes_back() {
    let mut node = Node::start(1).await;
    let address = node.address.clone();
    let authority = tokio::spawn(async move {
        let mut link = node.next_link().await;
        let mut received = Vec::new();
        let verdicts = [
            Frame::Accepted,
            Frame::Refused { label: "not-admitted".to_owned(), text: "unknown node".to_owned() },
        ];
        for verdict in verdicts {
            let mut assembler = DocumentAssembler::new(DocumentKind::Descriptor);
            let document = loop {
                let Frame::DocumentPart(part) = link.next().await.unwrap() else {
                    panic!("expected a piece")
                };
                if let Some(document) = assembler.push(&part).unwrap() {
                    break document;
                }
            };
            received.push(SignedDescriptor::from_bytes(&document).unwrap().verify("demo").unwrap());
            link.send(&verdict).await.unwrap();
        }
        // Until the other side has read the last verdict.
        let _ended = link.next().await;
        received
    });
    let mut link = node_connector(5).connect(&id(1), &address).await.unwrap();
    soon(offer_descriptor(&mut link, &descriptor())).await.unwrap();
    let error = soon(offer_descriptor(&mut link, &descriptor())).await.unwrap_err();
    assert_eq!(error.label(), "refused");
    assert!(error.to_string().contains("not-admitted"), "{error}");
    drop(link);
    let received = soon(authority).await.unwrap();
    assert_eq!(received.iter().map(|descriptor| descriptor.node).collect::<Vec<_>>(), [id(5), id(5)]);
}

#[tokio::test]
async fn publishing_to_another_node_than_the_authority_fails() {
    let node = Node::start(1).await;
    let published = publish_descriptor(&node_connector(5), &id(101), &node.address, &descriptor()).await;
    assert_eq!(published.unwrap_err().label(), "wrong-key");
}
