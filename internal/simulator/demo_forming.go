package simulator

import "time"

func press() Machine {
	m := motor{name: "press", work: shifts(), nominal: 1480}
	stroke := wave("press stroke", 45*time.Second).scaled(0.5, 0.5)
	pressure := m.turning().power(2).times(stroke.scaled(165, 45)) // the pump holds 45 bar, a stroke builds up 210
	own := Machine{ID: "press-01", Name: `Hydraulische Presse "Berta" 250 t`, Description: "deep drawing, hall 1"}.equip(
		probe{"Hydraulic pressure", bar, time.Second, 1, 0.004, pressure},
		probe{"Pump speed", perMin, time.Second, 0, 0.001, m.speed()},
		probe{"Motor current", ampere, time.Second, 1, 0.01, m.turning().times(stroke.scaled(62, 28))},
		probe{"Öltemperatur", celsius, 10 * time.Second, 1, 0.002, m.warming(31, 50*time.Minute)},
		probe{"Die temperature", celsius, 30 * time.Second, 1, 0.002, m.warming(48, 25*time.Minute)},
		probe{"Vibration", shake, 10 * time.Second, 2, 0.03, m.vibration(2.1)},
		probe{"Oil level", percent, 10 * time.Minute, 1, 0.001, sawtooth("press oil", 40*day).scaled(35, 60)},
		probe{"Strokes", pieces, 10 * time.Second, 0, 0, m.count(80)},
	)
	state := own.sensor("State", "", 5*time.Second)
	state.Value = m.state
	own.Sensors = append(own.Sensors, state)
	return own
}

// state is the state of a machine's control: STOP out of hours, FAULT now and then, else RUN.
func (m motor) state(at time.Time) any {
	switch {
	case !m.work.on(at):
		return "STOP"
	case drift(m.name+" faults", 6*time.Minute)(at) > 0.7:
		return "FAULT"
	}
	return "RUN"
}

// mill reports only while it is switched on.
func mill() Machine {
	m := motor{name: "cnc", work: shifts(), nominal: 9200}
	load := m.load(0.25)
	return Machine{ID: "cnc-02", Name: "CNC-Fräse Müller X5/2", Description: "5 Achsen, Halle 1"}.equip(
		probe{"Spindle speed", perMin, time.Second, 0, 0.001, m.speed()},
		probe{"Spindle load", percent, time.Second, 1, 0.02, load.scaled(100, 0)},
		probe{"Spindle current", ampere, 5 * time.Second, 1, 0.01, load.scaled(34, 3)},
		probe{"Spindle temperature", celsius, 10 * time.Second, 1, 0.002, m.warming(27, 18*time.Minute)},
		probe{"Coolant temperature", celsius, time.Minute, 1, 0.002, m.warming(9, 70*time.Minute)},
		probe{"Coolant pressure", bar, 10 * time.Second, 1, 0.01, m.turning().power(2).scaled(40, 0)},
		probe{"Vibration X", shake, 5 * time.Second, 2, 0.04, m.vibration(1.4)},
		probe{"Vibration Y", shake, 5 * time.Second, 2, 0.04, m.vibration(1.7)},
		probe{"Tool wear", percent, 5 * time.Minute, 1, 0, sawtooth("cnc tool", 9*time.Hour).scaled(-100, 100)},
		probe{"Parts", pieces, time.Minute, 0, 0, m.count(22)},
	).where(m.work.on)
}

func moulder() Machine {
	m := motor{name: "moulder", work: always(), nominal: 1}
	cycle := wave("moulder cycle", 28*time.Second).scaled(0.5, 0.5)
	zone := func(name string, set float64) signal { return drift("moulder "+name, 3*time.Minute).scaled(1.2, set) }
	return Machine{ID: "im-03", Name: "Injection moulder 003", Description: "caps 28 mm, 16 cavities"}.equip(
		probe{"Barrel zone 1", celsius, 10 * time.Second, 1, 0.0005, zone("1", 195)},
		probe{"Barrel zone 2", celsius, 10 * time.Second, 1, 0.0005, zone("2", 210)},
		probe{"Barrel zone 3", celsius, 10 * time.Second, 1, 0.0005, zone("3", 218)},
		probe{"Nozzle", celsius, 10 * time.Second, 1, 0.0005, zone("nozzle", 224)},
		probe{"Mould temperature", celsius, 30 * time.Second, 1, 0.002, zone("mould", 38)},
		probe{"Injection pressure", bar, time.Second, 0, 0.005, cycle.power(3).scaled(1150, 60)},
		probe{"Screw speed", perMin, time.Second, 0, 0.004, cycle.scaled(-140, 180)},
		probe{"Motor current", ampere, 5 * time.Second, 1, 0.01, cycle.scaled(41, 12)},
		probe{"Cycles", number, 30 * time.Second, 0, 0, m.count(3600.0 / 28)},
	)
}

func oven() Machine {
	m := motor{name: "oven", work: daily(clock(4, 30, 21, 0)), nominal: 1}
	zone := func(name string, rise float64, constant time.Duration) signal {
		burner := m.work.duty
		return m.warming(rise, constant).plus(drift("oven "+name, 5*time.Minute).times(burner).scaled(2, 0))
	}
	gas := m.work.heat(20 * time.Second).times(drift("oven gas", 2*time.Minute).scaled(0.15, 0.85))
	return Machine{ID: "oven-08", Name: "Härteofen 8 / Zone A–C", Description: "gas, protective atmosphere"}.equip(
		probe{"Zone A", celsius, 10 * time.Second, 0, 0.0005, zone("A", 830, 40*time.Minute)},
		probe{"Zone B", celsius, 10 * time.Second, 0, 0.0005, zone("B", 850, 45*time.Minute)},
		probe{"Zone C", celsius, 10 * time.Second, 0, 0.0005, zone("C", 810, 55*time.Minute)},
		probe{"Exhaust temperature", celsius, time.Minute, 0, 0.004, m.warming(240, 12*time.Minute)},
		probe{"Gas pressure", bar, 30 * time.Second, 3, 0.003, gas.power(0.5).scaled(-0.018, 0.1)},
		probe{"Valve", percent, 10 * time.Second, 0, 0, gas.scaled(100, 0).clamp(0, 100)},
		probe{"Batches", pieces, 10 * time.Minute, 0, 0, m.count(1.5)},
	)
}

// chiller cools the presses' oil. One of its sensors fell silent, another was never connected.
func chiller(start time.Time) Machine {
	m := motor{name: "chiller", work: always(), nominal: 2900}
	heatLoad := shifts().heat(90*time.Minute).scaled(0.5, 0.35).plus(signal(ambient).scaled(0.01, -0.18)).clamp(0.1, 1)
	supply := drift("chiller supply", 4*time.Minute).scaled(0.4, 7)
	own := Machine{ID: "chill-09", Name: "Chiller roof"}.equip(
		probe{"Supply temperature", celsius, 30 * time.Second, 1, 0.003, supply},
		probe{"Return temperature", celsius, 30 * time.Second, 1, 0.003, supply.plus(heatLoad.scaled(7, 0))},
		probe{"Load", percent, time.Minute, 0, 0.01, heatLoad.scaled(99, 0)},
		probe{"Compressor current", ampere, 10 * time.Second, 1, 0.01, heatLoad.scaled(58, 9)},
		probe{"Fan speed", perMin, 10 * time.Second, 0, 0.002, heatLoad.power(1.0/3).scaled(940, 0)},
		probe{"High pressure", bar, time.Minute, 1, 0.004, heatLoad.scaled(7, 13)},
		probe{"Compressor hours", number, time.Hour, 0, 0, m.count(1)},
		probe{"Low pressure", bar, time.Minute, 1, 0.004, heatLoad.scaled(-0.6, 4.4)},
		probe{"Flow switch", number, time.Minute, 0, 0, constant(1)},
	)
	silent := start.Add(-2 * day)
	own.Sensors[7].Exists = func(at time.Time) bool { return at.Before(silent) }
	own.Sensors[8].Exists = func(time.Time) bool { return false }
	return own
}
