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
		"stat":           strings.Fields("reduceOptions orientation textMode colorMode graphMode justifyMode text"),
		"timeseries":     strings.Fields("legend tooltip timezone"),
		"table":          strings.Fields("frameIndex showHeader sortBy footer"),
		"state-timeline": strings.Fields("showValue mergeValues alignValue rowHeight legend tooltip timezone"),
	}
	customOf = map[string][]string{
		"stat": {},
		"timeseries": strings.Fields(`drawStyle lineInterpolation lineWidth fillOpacity fillBelowTo gradientMode spanNulls showPoints
			pointSize stacking barWidthFactor axisLabel axisPlacement axisColorMode axisWidth axisSoftMin axisSoftMax
			scaleDistribution hideFrom thresholdsStyle`),
		"table":          strings.Fields("align displayMode inspect filterable width minWidth hidden"),
		"state-timeline": strings.Fields("lineWidth fillOpacity hideFrom"),
	}
	panelKeys = strings.Fields(`id type title description gridPos datasource targets fieldConfig options transformations
		pluginVersion repeat repeatDirection maxPerRow maxDataPoints interval collapsed panels`)
	defaultKeys     = strings.Fields("mappings color custom thresholds unit decimals min max links noValue fieldMinMax")
	propertyIDs     = strings.Fields("displayName unit decimals mappings thresholds color links")
	transformations = strings.Fields("merge filterFieldsByName organize")
	legendKeys      = strings.Fields("showLegend displayMode placement calcs sortBy sortDesc")
	displayModes    = strings.Fields("auto color-background-solid")
	colors          = regexp.MustCompile(`^(#[0-9a-f]{6}|transparent|text|((semi-|)dark-|(super-|)light-|)` +
		`(red|orange|yellow|green|blue|purple))$`)
	unitIDs = strings.Fields("none s bytes percentunit req/h ×") // Grafana appends a unit that it does not know to the number
)

// each calls check with each panel that is not a header, as the files have it.
func each(t *testing.T, check func(t *testing.T, d, p object)) {
	t.Helper()
	for name, d := range parsed(t) {
		for _, p := range panelsOf(d) {
			if p["type"] != "row" {
				t.Run(name+"/"+p["title"].(string), func(t *testing.T) { check(t, d, p) })
			}
		}
	}
}

// panelsOf returns headers, and panels also of collapsed sections.
func panelsOf(d object) []object {
	var all []object
	for _, p := range list(d["panels"]) {
		all = append(all, p)
		if p["type"] == "row" {
			all = append(all, list(p["panels"])...)
		}
	}
	return all
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
				if isText && (key == "unit" || key == "value" && v["id"] == "unit") && !slices.Contains(unitIDs, text) {
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
		for _, p := range panelsOf(d) {
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
			if target["format"] != "table" && target["legendFormat"] == "" {
				t.Errorf("query %s has no legend", target["refId"])
			}
			if (target["format"] == "table") != (p["type"] == "table") {
				t.Errorf("query %s has the format %s", target["refId"], target["format"])
			}
		}
		if p["type"] == "timeseries" {
			if p["options"].(object)["legend"].(object)["showLegend"] != true {
				t.Error("no legend")
			}
			defaults := p["fieldConfig"].(object)["defaults"].(object)
			custom := defaults["custom"].(object)
			if defaults["unit"] == nil || custom["spanNulls"] != false || custom["lineInterpolation"] != "linear" {
				t.Errorf("no unit, hidden gaps, or steps, which would extend a series that has ended: %v %v", defaults["unit"], custom)
			}
		}
	})
}

// TestMissingValuesHaveANeutralColor: Grafana shows the text for a missing value on the colour of the lowest threshold. The
// colour text is light.
func TestMissingValuesHaveANeutralColor(t *testing.T) {
	neutral := []string{"transparent", idle}
	var walk func(t *testing.T, v any)
	walk = func(t *testing.T, v any) {
		switch v := v.(type) {
		case object:
			if steps, ok := v["steps"]; ok && !slices.Contains(neutral, list(steps)[0]["color"].(string)) {
				t.Errorf("a missing value is %v", list(steps)[0]["color"])
			}
			for _, value := range v {
				walk(t, value)
			}
		case []any:
			for _, one := range v {
				walk(t, one)
			}
		}
	}
	each(t, func(t *testing.T, _, p object) {
		if p["type"] == "stat" && p["options"].(object)["colorMode"] == "background" {
			walk(t, p["fieldConfig"])
		}
	})
}

// TestQueriesAreShort: a query that is read and changed in Grafana should fit on its screen.
func TestQueriesAreShort(t *testing.T) {
	var lengths []int
	each(t, func(t *testing.T, _, p object) {
		for _, target := range list(p["targets"]) {
			length := len(target["expr"].(string))
			if length >= 800 {
				t.Errorf("query %s has %d characters: %s", target["refId"], length, target["expr"])
			}
			lengths = append(lengths, length)
		}
	})
	slices.Sort(lengths)
	if median := lengths[len(lengths)/2]; median >= 150 {
		t.Errorf("the median of %d queries is %d characters", len(lengths), median)
	}
	t.Logf("%d queries, median %d, maximum %d", len(lengths), lengths[len(lengths)/2], lengths[len(lengths)-1])
}

// TestFirstScreenOfPlantShowsFaultsAndAlerts checks what a screen of 1600 x 900 pixels shows, 19 rows of Grafana's grid.
func TestFirstScreenOfPlantShowsFaultsAndAlerts(t *testing.T) {
	var shown []string
	for _, p := range panelsOf(parsed(t)[plantUID]) {
		if g := p["gridPos"].(object); g["y"].(float64)+g["h"].(float64) <= 19 {
			shown = append(shown, p["title"].(string))
		}
	}
	want := []string{"Exporter", "innius", "Machines by status", "Sensors by status", "Machines and their status", "Firing alerts"}
	if !slices.Equal(shown, want) {
		t.Errorf("the first screen shows %q", shown)
	}
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

// TestRowsLinkToTheirMachine checks that a link keeps what the row is about.
func TestRowsLinkToTheirMachine(t *testing.T) {
	keeps := map[string]string{"machine_name": "instance company machine", "sensor_name": "instance company machine sensor"}
	linked := map[string]int{}
	each(t, func(t *testing.T, _, p object) {
		for _, o := range list(p["fieldConfig"].(object)["overrides"]) {
			for _, property := range list(o["properties"]) {
				field, _ := o["matcher"].(object)["options"].(string)
				if property["id"] != "links" || keeps[field] == "" {
					continue
				}
				linked[field]++
				url := list(property["value"])[0]["url"].(string)
				for label := range strings.FieldsSeq(keeps[field]) {
					if !strings.Contains(url, "&var-"+label+"=${__data.fields."+label+":percentencode}") {
						t.Errorf("the link of %s loses %s: %s", field, label, url)
					}
				}
			}
		}
	})
	if linked["machine_name"] < 3 || linked["sensor_name"] == 0 {
		t.Errorf("links: %v", linked)
	}
}

// TestVariablesOfferWhatTheRangeHas: an exporter that is down must not empty the dashboard. label_values is about the whole range,
// query_result about its end.
func TestVariablesOfferWhatTheRangeHas(t *testing.T) {
	metric := regexp.MustCompile(`\binnius_[a-z_]+`)
	overRange := regexp.MustCompile(`last_over_time\(innius_[a-z_]+[^\[]*\[\$__range\]\)`)
	for uid, d := range parsed(t) {
		for _, v := range list(d["templating"].(object)["list"]) {
			if v["type"] != "query" {
				continue
			}
			query := v["query"].(object)["query"].(string)
			whole := strings.HasPrefix(query, "label_values(") || !metric.MatchString(overRange.ReplaceAllString(query, ""))
			if v["refresh"] != 2.0 || !whole {
				t.Errorf("%s, %s: refresh %v, %s", uid, v["name"], v["refresh"], query)
			}
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
