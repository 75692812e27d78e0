# SPDX-License-Identifier: Apache-2.0
# schema.py SCHEMA FILE..: do these JSON documents follow the schema? A file of
# several lines of JSON (--lines before it) has a document on each. Strict: members
# that the schema does not name are errors, so that none goes undocumented. Uses
# jsonschema where it is installed, and always the small checker below, which
# knows what the schema uses.
import json
import sys

try:
    import jsonschema
except ImportError:
    jsonschema = None

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}


def is_type(value, name):
    if name == "null":
        return value is None
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


KNOWN = {"$schema", "title", "definitions", "$ref", "oneOf", "type", "enum", "const", "minimum",
         "required", "properties", "additionalProperties", "items"}


def check(value, schema, root, path="$"):
    """The errors, as a list of sentences."""
    unknown = set(schema) - KNOWN
    if unknown:
        return [f"the schema uses {unknown}, which is not checked"]
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].split("/")[1:]:
            target = target[part]
        return check(value, target, root, path)
    if "oneOf" in schema:
        tries = [check(value, s, root, path) for s in schema["oneOf"]]
        good = sum(not t for t in tries)
        return [] if good == 1 else [f"{path}: {good} of the alternatives fit: "] + \
            min(tries, key=len)[:3]
    errors = []
    types = schema.get("type")
    types = [types] if isinstance(types, str) else types
    if types and not any(is_type(value, t) for t in types):
        return [f"{path}: {json.dumps(value)[:60]} is not {types}"]
    if "enum" in schema and value not in schema["enum"]:
        errors.append(f"{path}: {value!r} is none of {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        errors.append(f"{path}: {value!r} is not {schema['const']!r}")
    if "minimum" in schema and value < schema["minimum"]:
        errors.append(f"{path}: {value} is below {schema['minimum']}")
    if isinstance(value, dict):
        errors += [f"{path}: no {k}" for k in schema.get("required", []) if k not in value]
        properties, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
        for key, member in value.items():
            if key in properties:
                errors += check(member, properties[key], root, f"{path}.{key}")
            elif rest is False:
                errors.append(f"{path}: {key} is not in the schema")
            elif isinstance(rest, dict):
                errors += check(member, rest, root, f"{path}.{key}")
    if isinstance(value, list) and "items" in schema:
        for i, member in enumerate(value):
            errors += check(member, schema["items"], root, f"{path}[{i}]")
    return errors


def close(schema):
    """Objects have no members but those that are named."""
    if isinstance(schema, dict):
        if "properties" in schema and isinstance(schema["properties"], dict):
            schema.setdefault("additionalProperties", False)
        for member in schema.values():
            close(member)
    elif isinstance(schema, list):
        for member in schema:
            close(member)


def documents(arguments):
    lines = False
    for name in arguments:
        if name == "--lines":
            lines = True
            continue
        with open(name, encoding="utf-8") as f:
            for text in f if lines else [f.read()]:
                yield name, json.loads(text)
        lines = False


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        schema = json.load(f)
    close(schema)
    bad = n = 0
    for name, document in documents(sys.argv[2:]):
        n += 1
        errors = check(document, schema, schema)
        if jsonschema:
            errors += [e.message[:200] for e in
                       jsonschema.Draft7Validator(schema).iter_errors(document)]
        for e in errors[:5]:
            print(f"{name}: {e}")
        bad += bool(errors)
    print(f"{n} documents, {bad} of them wrong")
    return bool(bad or not n)


sys.exit(main())
