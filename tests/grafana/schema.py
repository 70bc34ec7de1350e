"""The dashboard against the types that Grafana publishes: ``python -m tests.grafana.schema``.

Needs npm and its registry, so it is no test of the suite: test_dashboard.py has what matters of it.
Options and field settings are checked strictly, by the types of each kind of panel: a misspelt
name or a word that Grafana does not know is an error.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from .queries import DASHBOARD

PACKAGES = ("@grafana/schema@13.2.3", "typescript@5")
FLAGS = (
    *("--noEmit", "--strict", "--skipLibCheck"),
    *("--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"),
)

# Enumerations are declared as such, which literals of JSON can't be; Plain makes words of them.
# Annotations and variables have fields of the Prometheus data source, which the types leave out.
PROGRAM = """
import type {{ Dashboard, Panel, RowPanel, AnnotationQuery, VariableModel }}
  from "{types}/veneer/dashboard.types";
import type {{ Options as Stat }} from "{types}/raw/composable/stat/panelcfg/x/types.gen";
import type {{ Options as Table, FieldConfig as TableField }}
  from "{types}/raw/composable/table/panelcfg/x/types.gen";
import type {{ Options as Series, FieldConfig as SeriesField }}
  from "{types}/raw/composable/timeseries/panelcfg/x/types.gen";
import type {{ Options as States, FieldConfig as StatesField }}
  from "{types}/raw/composable/statetimeline/panelcfg/x/types.gen";

type Plain<T> = 0 extends 1 & T ? T : unknown extends T ? T : T extends string ? `${{T}}`
  : T extends (infer U)[] ? Plain<U>[] : T extends object ? {{ [K in keyof T]: Plain<T[K]> }} : T;
type Field = NonNullable<Panel["fieldConfig"]>;
type Common = Omit<Plain<Panel>, "options" | "fieldConfig" | "type">;
type Kind<K extends string, O, F = {{}}> = Common & {{
  type: K;
  options: Plain<O>;
  fieldConfig: Omit<Plain<Field>, "defaults"> & {{
    defaults: Omit<Plain<Field["defaults"]>, "custom"> & {{ custom?: Partial<Plain<F>> }};
  }};
}};
type Annotation = Plain<AnnotationQuery> & {{
  expr?: string; step?: string; tagKeys?: string; textFormat?: string; titleFormat?: string;
  useValueForTime?: boolean;
}};
type Whole = Omit<Plain<Dashboard>, "panels" | "annotations" | "templating"> & {{
  panels: (Plain<RowPanel> | Kind<"stat", Stat> | Kind<"table", Table, TableField>
    | Kind<"timeseries", Series, SeriesField> | Kind<"state-timeline", States, StatesField>)[];
  annotations: {{ list: Annotation[] }};
  templating: {{ list: (Plain<VariableModel> & {{ definition?: string }})[] }};
}};
export const dashboard: Whole = {dashboard};
"""


def main() -> int:
    """Check it, and return the exit status."""
    with tempfile.TemporaryDirectory(prefix="tablewatch-schema-") as directory:
        quiet = ["npm", "install", "--silent", "--no-save", "--prefix", directory]
        subprocess.run([*quiet, *PACKAGES], check=True)
        program = PROGRAM.format(
            types="./node_modules/@grafana/schema/dist/types",
            dashboard=DASHBOARD.read_text(encoding="utf-8"),
        )
        Path(directory, "dashboard.ts").write_text(program, encoding="utf-8")
        tsc = Path(directory, "node_modules", ".bin", "tsc")
        command = [tsc, *FLAGS, "dashboard.ts"]
        checked = subprocess.run(command, cwd=directory, check=False)
    print("as published" if checked.returncode == 0 else "not as published", *PACKAGES)
    return checked.returncode


if __name__ == "__main__":
    sys.exit(main())
