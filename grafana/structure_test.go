package grafana

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Panels of Grafana 9.3 with their options, and the custom properties of their fields.
var (
	optionsOf = map[string][]string{
		"stat":           {"reduceOptions", "orientation", "textMode", "colorMode", "graphMode", "justifyMode", "text"},
		"timeseries":     {"legend", "tooltip", "timezone"},
		"table":          {"frameIndex", "showHeader", "sortBy", "footer"},
		"state-timeline": {"showValue", "mergeValues", "alignValue", "rowHeight", "legend", "tooltip", "timezone"},
	}
	customOf = map[string][]string{
		"stat": {},
		"timeseries": {
			"drawStyle", "lineInterpolation", "lineWidth", "fillOpacity", "gradientMode", "spanNulls", "showPoints", "pointSize", "stacking",
			"axisLabel", "axisPlacement", "axisColorMode", "axisWidth", "axisSoftMin", "axisSoftMax", "scaleDistribution", "hideFrom", "thresholdsStyle",
		},
		"table":          {"align", "displayMode", "inspect", "filterable", "width", "minWidth", "hidden"},
		"state-timeline": {"lineWidth", "fillOpacity", "hideFrom"},
	}
	panelKeys = []string{
		"id", "type", "title", "description", "gridPos", "datasource", "targets", "fieldConfig", "options", "transformations", "pluginVersion",
		"repeat", "repeatDirection", "maxPerRow", "maxDataPoints", "interval", "collapsed", "panels",
	}
	defaultKeys     = []string{"mappings", "color", "custom", "thresholds", "unit", "decimals", "min", "links", "noValue"}
	propertyIDs     = []string{"displayName", "unit", "decimals", "mappings", "thresholds", "color", "links"}
	transformations = []string{"merge", "organize", "rowsToFields", "configFromData"}
	legendKeys      = []string{"showLegend", "displayMode", "placement", "calcs", "sortBy", "sortDesc"}
	displayModes    = []string{"auto", "color-background-solid"}
	colors          = regexp.MustCompile(`^(#[0-9a-f]{6}|transparent|text|((semi-|)dark-|(super-|)light-|)(red|orange|yellow|green|blue|purple))$`)
)

// unitIDs are the units of Grafana that the dashboards use; ownUnits are texts that it appends to the number.
var (
	unitIDs = strings.Fields(`none s ms bytes percent percentunit celsius fahrenheit kelvin pressurebar pressurembar pressurepa pressurehpa pressurekpa pressurepsi
		rotrpm amp mamp volt mvolt kvolt watt kwatt megwatt voltamp kvoltamp watth kwatth joule hertz velocityms velocitykmh lengthmm lengthm flowlpm litreh m3
		forceN forcekN forceNm degree`)
	ownUnits = []string{"req/h", "×", "suffix:$1"}
)

// each calls check with each panel that is not a header, as the files have it.
func each(t *testing.T, check func(t *testing.T, d, p object)) {
	t.Helper()
	for name, d := range parsed(t) {
		for _, p := range list(d["panels"]) {
			if p["type"] != "row" {
				t.Run(name+"/"+p["title"].(string), func(t *testing.T) { check(t, d, p) })
			}
		}
	}
}

func parsed(t *testing.T) map[string]object {
	t.Helper()
	all := map[string]object{}
	for _, d := range Dashboards() {
		text, err := os.ReadFile(d.File())
		if err != nil {
			t.Fatal(err)
		}
		var o object
		if err := json.Unmarshal(text, &o); err != nil {
			t.Fatal(d.File(), err)
		}
		all[d.UID] = o
	}
	return all
}

func list(of any) []object {
	var all []object
	for _, one := range of.([]any) {
		all = append(all, one.(object))
	}
	return all
}

func onlyKnown(t *testing.T, what string, o object, known []string) {
	t.Helper()
	for key := range o {
		if !slices.Contains(known, key) {
			t.Errorf("%s: Grafana 9.3 does not know %s", what, key)
		}
	}
}

func TestPanelsUseOnlyFeaturesOfGrafana93(t *testing.T) {
	each(t, func(t *testing.T, _, p object) {
		kind := p["type"].(string)
		known, ok := optionsOf[kind]
		if !ok {
			t.Fatalf("unexpected kind of panel: %s", kind)
		}
		onlyKnown(t, "panel", p, panelKeys)
		options, field := p["options"].(object), p["fieldConfig"].(object)
		onlyKnown(t, "options", options, known)
		if legend, ok := options["legend"].(object); ok {
			onlyKnown(t, "legend", legend, legendKeys)
		}
		defaults := field["defaults"].(object)
		onlyKnown(t, "defaults", defaults, defaultKeys)
		onlyKnown(t, "custom", defaults["custom"].(object), customOf[kind])
		for _, o := range list(field["overrides"]) {
			for _, property := range list(o["properties"]) {
				id := property["id"].(string)
				custom, isCustom := strings.CutPrefix(id, "custom.")
				if !slices.Contains(propertyIDs, id) && (!isCustom || !slices.Contains(customOf[kind], custom)) {
					t.Errorf("Grafana 9.3 does not know the property %s of a %s", id, kind)
				}
				if custom == "displayMode" && !slices.Contains(displayModes, property["value"].(string)) {
					t.Errorf("unexpected display mode %s", property["value"])
				}
			}
		}
		for _, tr := range list(p["transformations"]) {
			if !slices.Contains(transformations, tr["id"].(string)) {
				t.Errorf("unexpected transformation %s", tr["id"])
			}
		}
	})
}

func TestUnitsAndColorsExistInGrafana(t *testing.T) {
	var walk func(t *testing.T, v any)
	walk = func(t *testing.T, v any) {
		switch v := v.(type) {
		case object:
			for key, value := range v {
				text, isText := value.(string)
				if isText && (key == "color" || key == "fixedColor") && !colors.MatchString(text) {
					t.Errorf("unknown colour %q", text)
				}
				isUnit := isText && (key == "unit" || key == "value" && v["id"] == "unit")
				if isUnit && !slices.Contains(unitIDs, text) && !slices.Contains(ownUnits, text) {
					t.Errorf("Grafana has no unit %q", text)
				}
				walk(t, value)
			}
		case []any:
			for _, one := range v {
				walk(t, one)
			}
		}
	}
	each(t, func(t *testing.T, _, p object) { walk(t, p["fieldConfig"]) })
	for _, u := range units {
		if !slices.Contains(unitIDs, u.grafana) && !slices.Contains(ownUnits, u.grafana) {
			t.Errorf("Grafana has no unit %q", u.grafana)
		}
	}
}

func TestPanelsHaveDescriptionsWithGoodAndIfNot(t *testing.T) {
	form := regexp.MustCompile(`(?s)^[A-Z"].{20,}\n\n\*\*Good:\*\* .+\.\n\n\*\*If not:\*\* .{15,}\.$`)
	each(t, func(t *testing.T, _, p object) {
		if text := p["description"].(string); !form.MatchString(text) {
			t.Errorf("not \"what, Good, If not\": %q", text)
		}
	})
}

func TestPanelsHaveUniqueIDsAndDoNotOverlap(t *testing.T) {
	for name, d := range parsed(t) {
		taken, ids := map[string]string{}, map[float64]bool{}
		for _, p := range list(d["panels"]) {
			id, title := p["id"].(float64), p["title"].(string)
			if ids[id] {
				t.Errorf("%s, %s: another panel has the id %v", name, title, id)
			}
			ids[id] = true
			g := p["gridPos"].(object)
			x, y, w, h := int(g["x"].(float64)), int(g["y"].(float64)), int(g["w"].(float64)), int(g["h"].(float64))
			if w < 1 || h < 1 || x < 0 || x+w > columns {
				t.Errorf("%s, %s: %v does not fit", name, title, g)
			}
			for i := range w * h {
				square := fmt.Sprint(x+i%w, ",", y+i/w)
				if other, is := taken[square]; is {
					t.Errorf("%s: %s overlaps %s", name, title, other)
				}
				taken[square] = title
			}
		}
	}
}

func TestGraphsHaveLegendUnitAndGaps(t *testing.T) {
	each(t, func(t *testing.T, _, p object) {
		for _, target := range list(p["targets"]) {
			table := target["format"] == "table"
			if !table && target["legendFormat"] == "" {
				t.Errorf("query %s has no legend", target["refId"])
			}
			if table && p["type"] == "timeseries" && len(list(p["transformations"])) == 0 {
				t.Errorf("no transformation uses the table of query %s", target["refId"])
			}
		}
		if p["type"] == "timeseries" {
			if p["options"].(object)["legend"].(object)["showLegend"] != true {
				t.Error("no legend")
			}
			if unit := p["fieldConfig"].(object)["defaults"].(object)["unit"]; unit == nil && p["repeat"] == nil {
				t.Error("no unit")
			}
			if spans := p["fieldConfig"].(object)["defaults"].(object)["custom"].(object)["spanNulls"]; spans != false {
				t.Error("gaps are hidden")
			}
		}
	})
}

func TestLinksLeadToExistingDashboards(t *testing.T) {
	dashboards := parsed(t)
	for name, d := range dashboards {
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, m := range regexp.MustCompile(`"url":"/d/([^"?]+)[^"]*"`).FindAllStringSubmatch(string(text), -1) {
			if dashboards[m[1]] == nil {
				t.Errorf("%s: link to the missing dashboard %s", name, m[1])
			}
			found[m[1]] = true
		}
		if others := slices.Collect(maps.Keys(found)); len(others) < 2 {
			t.Errorf("%s has links to %s only", name, others)
		}
	}
}

func TestDashboardsHaveUIDSchemaAndTag(t *testing.T) {
	for uid, d := range parsed(t) {
		if d["uid"] != uid || d["id"] != nil || d["schemaVersion"] != 37.0 || !slices.Equal(d["tags"].([]any), []any{"innius"}) {
			t.Errorf("%s: uid %v, id %v, schemaVersion %v, tags %v", uid, d["uid"], d["id"], d["schemaVersion"], d["tags"])
		}
	}
}
