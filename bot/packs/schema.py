"""The JSON Schema of a pack, generated from the model: `python -m bot.packs.schema > prompt_packs/schema.json`."""

from __future__ import annotations

import json
import sys

from bot.packs.model import Pack


def schema_text() -> str:
    """What prompt_packs/schema.json has to hold."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Pack.model_json_schema()}
    # So that an editor can be pointed at the schema from within the pack.
    schema["properties"] = {"$schema": {"type": "string"}, **schema["properties"]}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
