import json
import sys

import snapshot

for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        read = snapshot.snapshot_from_dict(json.load(file))
    print(read.schema_version, read.generation, len(read.targets))
