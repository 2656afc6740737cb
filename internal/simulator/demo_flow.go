package simulator

import "time"

func compressor() Machine {
	m := motor{name: "compressor", work: always(), nominal: 2980}
	demand := shifts().heat(4*time.Minute).scaled(0.55, 0.25).plus(drift("air", 3*time.Minute).scaled(0.12, 0)).clamp(0.1, 1)
	speed := m.turning().times(demand.scaled(0.6, 0.4))
	return Machine{ID: "comp-04", Name: "Compressor GA 75 (hall 2)", Description: "works air, 75 kW"}.equip(
		probe{"Outlet pressure", bar, time.Second, 2, 0.002, demand.scaled(-0.5, 7.6)},
		probe{"Motor speed", perMin, time.Second, 0, 0.001, speed.scaled(2980, 0)},
		probe{"Motor current", ampere, 10 * time.Second, 1, 0.01, speed.times(demand).scaled(96, 24)},
		probe{"Element temperature", celsius, 10 * time.Second, 1, 0.002, demand.scaled(19, 66)},
		probe{"Vibration", shake, 30 * time.Second, 2, 0.03, speed.power(2).scaled(2.6, 0.3)},
		probe{"Load", percent, 30 * time.Second, 0, 0.01, demand.scaled(99, 0)},
		probe{"Dew point", celsius, 10 * time.Minute, 1, 0, drift("dew", time.Hour).scaled(0.8, 3.2)},
		probe{"Operating hours", number, time.Hour, 0, 0, m.count(1)},
	)
}

// mixer has two sensors of one name: the bearings of its two mills.
func mixer() Machine {
	work := daily(clock(5, 0, 11, 30), clock(12, 0, 23, 0))
	left := motor{name: "hammer mill 1", work: work, nominal: 2960}
	right := motor{name: "hammer mill 2", work: work, nominal: 2955}
	blend := motor{name: "mixer", work: work, nominal: 32}
	return Machine{ID: "M 07/B", Name: "Maal-/menglijn met 2 hamermolens", Description: `lijn "B", 12 t/h`}.equip(
		probe{"Hamermolen 1 toerental", perMin, time.Second, 0, 0.001, left.speed()},
		probe{"Hamermolen 2 toerental", perMin, time.Second, 0, 0.001, right.speed()},
		probe{"Hamermolen 1 stroom", ampere, 5 * time.Second, 1, 0.01, left.load(0.4).scaled(142, 0)},
		probe{"Hamermolen 2 stroom", ampere, 5 * time.Second, 1, 0.01, right.load(0.4).scaled(142, 0)},
		probe{"Lagertemperatuur", celsius, 30 * time.Second, 1, 0.002, left.warming(36, 35*time.Minute)},
		probe{"Lagertemperatuur", celsius, 30 * time.Second, 1, 0.002, right.warming(39, 35*time.Minute)},
		probe{"Trilling 1", shake, 10 * time.Second, 2, 0.03, left.vibration(3.8)},
		probe{"Trilling 2", shake, 10 * time.Second, 2, 0.03, right.vibration(4.3)},
		probe{"Menger toerental", perMin, 10 * time.Second, 1, 0.002, blend.speed()},
		probe{"Silo 1/niveau", percent, time.Minute, 1, 0.002, sawtooth("silo", 31*time.Hour).scaled(82, 12)},
		probe{"Charges", pieces, 5 * time.Minute, 0, 0, blend.count(7)},
	)
}

// conveyor is the machine that Demo switches off.
func conveyor() Machine {
	m := motor{name: "conveyor", work: shifts(), nominal: 58}
	return Machine{ID: "conv-06", Name: `Conveyor 12 m "to scrap"`}.equip(
		probe{"Drum speed", perMin, 5 * time.Second, 1, 0.002, m.speed()},
		probe{"Motor current", ampere, 10 * time.Second, 1, 0.01, m.load(0.5).scaled(8, 0)},
		probe{"Gearbox temperature", celsius, time.Minute, 1, 0.002, m.warming(22, 40*time.Minute)},
		probe{"Belt tension", percent, 10 * time.Minute, 0, 0.002, sawtooth("belt", 25*day).scaled(20, 75)},
		probe{"Crates", pieces, time.Minute, 0, 0, m.count(310)},
	)
}

// turbine turns with the wind, at night too.
func turbine() Machine {
	m := motor{name: "turbine", work: always(), nominal: 1500}
	blow := signal(wind)
	share := blow.scaled(1.0/12, 0).clamp(0, 1) // of its nominal output, reached at 12 m/s
	return Machine{ID: "wt-07", Name: "Wind Turbine V1-001", Description: "850 kW, hub at 65 m"}.equip(
		probe{"Wind speed", "m/s", time.Second, 1, 0.01, blow},
		probe{"Rotor speed", perMin, time.Second, 1, 0.002, share.power(0.5).scaled(26, 0)},
		probe{"Generator speed", perMin, time.Second, 0, 0.002, share.power(0.5).scaled(m.nominal, 0)},
		probe{"Generator current", ampere, 10 * time.Second, 0, 0.01, share.power(3).scaled(710, 0)},
		probe{"Gearbox temperature", celsius, time.Minute, 1, 0.002, drift("wind", 7*time.Hour).scaled(9, 54)},
		probe{"Generator temperature", celsius, time.Minute, 1, 0.002, drift("wind", 7*time.Hour).scaled(14, 68)},
		probe{"Nacelle vibration", shake, 10 * time.Second, 2, 0.03, share.power(2).scaled(1.9, 0.2)},
		probe{"Pitch", percent, 10 * time.Second, 1, 0.002, share.power(4).scaled(35, 2)},
		probe{"Brake pressure", bar, time.Hour, 1, 0.003, constant(138)},
		probe{"Yaw turns", number, 10 * time.Minute, 0, 0, m.count(0.7)},
	)
}
