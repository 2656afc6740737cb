package config

import (
	"time"

	"innius_exporter/innius"
)

// config decodes the root over the defaults.
func (d *document) config(root value, c *Config) {
	seen := root.object(keys{
		"accounts":  func(v value) { c.Accounts = v.accounts() },
		"discovery": func(v value) { v.discovery(&c.Discovery) },
		"refresh":   func(v value) { v.refresh(&c.Refresh) },
		"sensors":   func(v value) { v.list(func(v value) { c.Sensors = append(c.Sensors, v.rule()) }) },
		"labels":    func(v value) { v.choice(&c.Labels, LabelsName, LabelsID) },
	})
	if accounts, ok := seen["accounts"]; ok && accounts.sound() && len(c.Accounts) == 0 {
		accounts.report("must hold at least one account")
	} else if !ok && root.sound() {
		d.report(root.line, "accounts", "is missing; the config needs at least one account with a name, a url and a key")
	}
}

func (v value) discovery(set *Discovery) {
	v.object(keys{
		"interval": func(v value) { v.duration(&set.Interval, time.Minute, 0) },
		"machines": func(v value) { v.filter(&set.Machines) },
		"sensors":  func(v value) { v.filter(&set.Sensors) },
	})
}

func (v value) filter(set *Filter) {
	v.object(keys{
		"include": func(v value) { v.patterns(&set.Include) },
		"exclude": func(v value) { v.patterns(&set.Exclude) },
	})
}

func (v value) refresh(set *Refresh) {
	seen := v.object(keys{
		"min_interval": func(v value) { v.duration(&set.MinInterval, time.Second, 0) },
		"max_interval": func(v value) { v.duration(&set.MaxInterval, time.Second, 0) },
		"stale_after":  func(v value) { v.staleAfter(&set.StaleAfter) },
	})
	least, hasLeast := seen["min_interval"]
	most, hasMost := seen["max_interval"]
	switch {
	case set.MaxInterval >= set.MinInterval, hasLeast && !least.sound(), hasMost && !most.sound():
	case hasMost:
		most.report("must be at least min_interval (%s), not %s", span(set.MinInterval), span(set.MaxInterval))
	default:
		least.report("must be at most max_interval (%s by default), not %s", span(set.MaxInterval), span(set.MinInterval))
	}
}

// staleAfter decodes a duration or auto, which is 0.
func (v value) staleAfter(set *time.Duration) {
	if plain(v.node) && v.node.Value == "auto" {
		*set = 0
		return
	}
	v.duration(set, time.Minute, 0)
}

func (v value) rule() SensorRule {
	r := defaultRule()
	seen := v.object(keys{
		"machine":     func(v value) { v.pattern(&r.Machine) },
		"sensor":      func(v value) { v.pattern(&r.Sensor) },
		"max_age":     func(v value) { v.duration(&r.MaxAge, time.Second, 0) },
		"weight":      func(v value) { v.positive(&r.Weight, 1000) },
		"stale_after": func(v value) { v.duration(&r.StaleAfter, time.Minute, 0) },
		"values":      func(v value) { v.numbers(&r.Values) },
	})
	if len(seen) == 0 && v.sound() {
		v.report("is empty, and would keep every sensor from the rules below; fill it or remove it")
	}
	return r
}

// numbers decodes a mapping from the user's own texts to numbers.
func (v value) numbers(set *map[string]float64) {
	numbers, known := map[string]float64{}, keys{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		text := v.node.Content[i].Value
		known[text] = func(v value) {
			var n float64
			switch {
			case !innius.IsText(text):
				v.report("can never match: a number needs no rule, an empty text has none, and white space around a text is removed")
			case v.number(&n):
				numbers[text] = n
			}
		}
	}
	v.free = true
	if v.object(known); len(numbers) > 0 {
		*set = numbers
	}
}
