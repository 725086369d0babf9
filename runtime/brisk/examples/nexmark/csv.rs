//! Events as files that other engines read: `person.csv`, `auction.csv`, `bid.csv`, each with the
//! names of its columns in the first line. No text has a comma, a quote or an end of line in it.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

use super::{generator::Generator, model::Event};

const PERSON: &str = "id,name,email_address,credit_card,city,state,date_time,extra";
const AUCTION: &str =
    "id,item_name,description,initial_bid,reserve,date_time,expires,seller,category,extra";
const BID: &str = "auction,bidder,price,channel,url,date_time,extra";

/// Writes the first `count` events to the folder; files that are there are replaced.
pub(crate) fn write_events(folder: &Path, generator: Generator, count: u64) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let file = |name: &str, columns: &str| {
        let mut file = BufWriter::new(File::create(folder.join(name))?);
        writeln!(file, "{columns}")?;
        io::Result::Ok(file)
    };
    let mut people = file("person.csv", PERSON)?;
    let mut auctions = file("auction.csv", AUCTION)?;
    let mut bids = file("bid.csv", BID)?;
    for n in 0..count {
        match generator.event(n) {
            Event::Person(it) => {
                let [name, email, card] = [it.name, it.email_address, it.credit_card];
                let (city, state, date_time, extra) = (it.city, it.state, it.date_time, it.extra);
                let id = it.id;
                writeln!(people, "{id},{name},{email},{card},{city},{state},{date_time},{extra}")?;
            }
            Event::Auction(it) => {
                let (id, name, description) = (it.id, it.item_name, it.description);
                let (bid, reserve, begin, end) =
                    (it.initial_bid, it.reserve, it.date_time, it.expires);
                let (seller, category, extra) = (it.seller, it.category, it.extra);
                write!(auctions, "{id},{name},{description},{bid},{reserve},{begin},{end},")?;
                writeln!(auctions, "{seller},{category},{extra}")?;
            }
            Event::Bid(it) => {
                let (auction, bidder, price) = (it.auction, it.bidder, it.price);
                let (channel, url, date_time, extra) = (it.channel, it.url, it.date_time, it.extra);
                writeln!(bids, "{auction},{bidder},{price},{channel},{url},{date_time},{extra}")?;
            }
        }
    }
    [people, auctions, bids].iter_mut().try_for_each(Write::flush)
}
