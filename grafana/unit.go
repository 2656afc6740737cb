package grafana

// unit names one of Grafana's units by how plants write it: a regular expression.
type unit struct{ written, grafana string }

// units are those that Grafana formats better than by writing them behind the number, which it does with any other unit. Some
// that it has are left out: it would turn 1500 kg into 1.5 Mg, and 12000 operating hours into 1.37 years.
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
	{"(h|d)", "suffix:$1"}, // as ids they would become years
	{"1|no unit|", "none"},
}

// noUnit is what stands for a missing unit, which Grafana could neither offer nor repeat a panel for.
const noUnit = "no unit"

// grafanaUnit replaces the label unit of an expression by the id of Grafana's unit, where there is one.
func grafanaUnit(expression string) string {
	for _, u := range units {
		expression = "label_replace(" + expression + ", `unit`, `" + u.grafana + "`, `unit`, `" + u.written + "`)"
	}
	return expression
}
