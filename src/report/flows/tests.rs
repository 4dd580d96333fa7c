//! Every format has the same rows.

use super::*;
use crate::catalogue::Catalogue;
use crate::columns::{COLUMNS, Value, facts_of};
use crate::pipeline::{self, Options};
use crate::source::Files;

fn flows(capture: &str) -> Vec<JudgedFlow> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(capture);
    let facts = facts_of(COLUMNS);
    let options = Options { keep_flows: true, first_values: &facts, ..Options::replay() };
    let mut files = Files::open(&[path]).unwrap();
    pipeline::run(&mut files, None, &Catalogue::shipped().unwrap(), &options, None).unwrap().flows
}

fn written(ending: &str, flows: &[JudgedFlow]) -> Vec<u8> {
    let format = flow_format(Path::new(&format!("x.{ending}"))).unwrap();
    let mut out = Vec::new();
    let mut sink = (format.start)(&mut out).unwrap();
    flows.iter().for_each(|flow| sink.flow(flow, &mut out).unwrap());
    sink.end(&mut out).unwrap();
    out
}

#[test]
fn a_row_of_csv_has_each_column_as_text_in_quotes_or_as_a_bare_number() {
    let flows = flows("showcase.pcap");
    let text = String::from_utf8(written("csv", &flows)).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert!(names.iter().eq(COLUMNS.iter().map(|column| &column.name)));
    for (line, flow) in lines.by_ref().zip(&flows) {
        let mut rest = line;
        for column in COLUMNS {
            let value = match column.value(flow.view()) {
                Value::Missing => String::new(),
                Value::Text(text) => format!("\"{}\"", csv::quoted(&text)),
                Value::Address(address) => format!("\"{address}\""),
                Value::Integer(number) => number.to_string(),
                Value::Timestamp(time) => time.in_microseconds(),
            };
            rest = rest.strip_prefix(&value).unwrap().trim_start_matches(',');
        }
        assert_eq!(rest, "", "{line}");
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn text_that_a_spreadsheet_would_run_or_that_breaks_a_line_is_only_text() {
    for (text, cell) in [
        ("=1+1", "'=1+1"),
        ("  -1", "'  -1"),
        ("@a", "'@a"),
        ("'=1", "''=1"),
        ("a\"b", "a\"\"b"),
        ("\tx", r"\tx"),
        ("a\r\n=b", r"a\r\n=b"),
        ("\u{202e}x", r"\u{202e}x"),
        ("plain", "plain"),
    ] {
        assert_eq!(csv::quoted(text), cell, "{text:?}");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_has_the_rows_in_their_order_with_the_columns_and_types_of_the_table() {
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use arrow_array::{Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

    let one = flows("showcase.pcap");
    let flows: Vec<JudgedFlow> = one.iter().cycle().take(one.len() * 300).cloned().collect();
    let file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut &file, &written("parquet", &flows)).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().unwrap();
    let mut flows = flows.iter();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let flow = flows.next().unwrap();
            for (column, cells) in COLUMNS.iter().zip(batch.columns()) {
                let cells = cells.as_any();
                let read = if let Some(cells) = cells.downcast_ref::<StringArray>() {
                    cells.is_valid(row).then(|| cells.value(row).to_owned())
                } else if let Some(cells) = cells.downcast_ref::<Int64Array>() {
                    cells.is_valid(row).then(|| cells.value(row).to_string())
                } else {
                    let cells = cells.downcast_ref::<TimestampMicrosecondArray>().unwrap();
                    cells.is_valid(row).then(|| cells.value(row).to_string())
                };
                let expected = match column.value(flow.view()) {
                    Value::Missing => None,
                    Value::Text(text) => Some(text.into_owned()),
                    Value::Address(address) => Some(address.to_string()),
                    Value::Integer(number) => Some(number.to_string()),
                    Value::Timestamp(time) => Some(time.0.div_euclid(1000).to_string()),
                };
                assert_eq!(read, expected, "{}", column.name);
            }
        }
    }
    assert!(flows.next().is_none());
}

#[test]
fn a_line_of_ndjson_is_that_of_the_report() {
    let flows = flows("showcase.pcap");
    let mut expected = Vec::new();
    for flow in &flows {
        crate::report::formats::ndjson::write_flow(&mut expected, flow).unwrap();
    }
    assert_eq!(written("ndjson", &flows), expected);
}

#[test]
fn the_first_facts_of_a_flow_are_in_their_columns() {
    let flows = flows("showcase.pcap");
    let has = |name: &str, text: &str| {
        let column = crate::columns::column(name).unwrap();
        flows.iter().any(|flow| column.value(flow.view()) == Value::from(text))
    };
    for (name, text) in [
        ("sni", "tickets.example.test"),
        ("http_status", "404"),
        ("ssh_banner", "OpenSSH_9.2p1"),
        ("product", "OpenSSH_9.2p1"),
        ("tag", "osc"),
        ("confidence", "mark"),
    ] {
        assert!(has(name, text), "{name} = {text}");
    }
}
