"""Events as they were published in the Glue Schema Registry's framing. Add files; never edit one.

`avro/<Name>.<version of the schema>[-what is special].glue.hex`, in hexadecimal; whitespace is ignored.

The bodies are those of the files without `.glue`. A Java program wrote the headers and compressed the bodies with
ByteBuffer and Deflater, as AWS's library does (github.com/awslabs/aws-glue-schema-registry:
SerializationDataEncoder.java, GlueSchemaRegistryCompressionHandler.java), not the code under test. The headers of
version 3 were written by hand.
"""

import pytest

from account_events.avro.codec import CONTRACT, Codec, encode
from account_events.avro.encoder import ENCODERS, glue_encoders
from account_events.avro.schemas_path import SCHEMAS
from tests.golden.test_avro import FIELDS, FOLDER, name_of

HISTORY = SCHEMAS / "history"
# Up to version 2, schema version ids from the tests of AWS's library.
VERSION_IDS = {
    "54182f93-257c-4a4d-9c9e-f476292039be": "AccountCreated/1",
    "b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63": "AccountCreated/2",
    "2f8e6498-29af-4722-b4ae-80f2be386bee": "BalanceCredited/2",
    "310153e9-9a54-4b12-a513-a23fc543ed2f": "BalanceWithdrawn/2",
    "dc3ad5f6-95b2-4a0c-8f0e-6c2a5a0d3c21": "BalanceCredited/3",
    "6f0f8a7b-6b1f-4d5e-9d5c-0d9c2c5e3f61": "BalanceWithdrawn/3",
}
SOURCES = {version_id: (HISTORY / f"{path}.avsc").read_text() for version_id, path in VERSION_IDS.items()}
WRITTEN = ("AccountCreated.2", "BalanceCredited.3", "BalanceWithdrawn.3")
STEMS = ("AccountCreated.1", "BalanceCredited.2", "BalanceWithdrawn.2", "BalanceWithdrawn.2-zlib", *WRITTEN)


def golden(stem: str) -> bytes:
    return bytes.fromhex((FOLDER / f"{stem}.glue.hex").read_text())


def test_the_files_are_exactly_the_expected_ones() -> None:
    assert {path.name for path in FOLDER.glob("*.glue.hex")} == {f"{stem}.glue.hex" for stem in STEMS}


@pytest.mark.parametrize("stem", STEMS)
def test_golden_bytes_decode_to_the_fields(stem: str) -> None:
    event = Codec(CONTRACT, SOURCES.get).decode(golden(stem))
    assert (event.name, event.fields) == (name_of(stem), FIELDS[stem.removesuffix("-zlib")])


@pytest.mark.parametrize("stem", WRITTEN)
def test_the_fields_encode_to_the_golden_bytes(stem: str) -> None:
    ids = {
        path.partition("/")[0]: version_id for version_id, path in VERSION_IDS.items()
    }  # the newest version of each schema
    encoders = glue_encoders({encoder.fingerprint.hex(): ids[name] for name, encoder in ENCODERS.items()})
    assert encode(name_of(stem), FIELDS[stem], encoders) == golden(stem)
