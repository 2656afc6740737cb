package grafana

// unit maps spellings of a unit in plants, a regular expression, to the id of Grafana's unit.
type unit struct{ written, grafana string }

// units are those that Grafana formats better than by appending them to the number, as it does with any other unit. Some of its
// units are left out: it would show 1500 kg as 1.5 Mg, and 12000 operating hours as 1.37 years.
var units = []unit{
	{"°C|℃|degC|deg C|Cel|C|[Cc]elsius", "celsius"},
	{"°F|℉|degF|[Ff]ahrenheit", "fahrenheit"},
	{"K", "kelvin"},
	{"%|pct|percent", "percent"},
	{"bar", "pressurebar"},
	{"mbar", "pressurembar"},
	{"Pa", "pressurepa"},
	{"hPa", "pressurehpa"},
	{"kPa", "pressurekpa"},
	{"psi", "pressurepsi"},
	{"rpm|rpm/min|rev/min|r/min|U/min|omw/min|1/min|min-1", "rotrpm"},
	{"A", "amp"},
	{"mA", "mamp"},
	{"V", "volt"},
	{"mV", "mvolt"},
	{"kV", "kvolt"},
	{"W", "watt"},
	{"kW", "kwatt"},
	{"MW", "megwatt"},
	{"VA", "voltamp"},
	{"kVA", "kvoltamp"},
	{"Wh", "watth"},
	{"kWh", "kwatth"},
	{"J", "joule"},
	{"Hz", "hertz"},
	{"m/s", "velocityms"},
	{"km/h", "velocitykmh"},
	{"mm", "lengthmm"},
	{"m", "lengthm"},
	{"[lL]/min", "flowlpm"},
	{"[lL]/h", "litreh"},
	{"m3|m³", "m3"},
	{"N", "forceN"},
	{"kN", "forcekN"},
	{"Nm", "forceNm"},
	{"s|sec", "s"},
	{"ms", "ms"},
	{"°|deg", "degree"},
	{"(h|d)", "suffix:$1"}, // with their ids Grafana would show years
	{"1|no unit|", "none"},
}

// noUnit replaces a missing unit: a variable cannot have an empty value.
const noUnit = "no unit"

// grafanaUnit replaces the label unit of an expression by the id of Grafana's unit, if there is one.
func grafanaUnit(expression string) string {
	for _, u := range units {
		expression = "label_replace(" + expression + ", `unit`, `" + u.grafana + "`, `unit`, `" + u.written + "`)"
	}
	return expression
}
