#!/bin/sh
# All fronts of HGQ2: export our data, train every task and seed (finished ones are kept), collect. Hours on two cores.
# usage: run.sh [FOLDER]      FPGACOMPRESS_DATA: where the data sets are; SEEDS="1 2 3"; PEER: python that setup.sh printed
set -eu
cd "$(dirname "$0")/../../.."
folder=${1:-runs/peers/hgq2}
peer=${PEER:-${XDG_CACHE_HOME:-$HOME/.cache}/fpgacompress/peers/hgq2/bin/python}
export OMP_NUM_THREADS=1 XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
.venv/bin/python -m benchmarks.peers.export_data "$folder/data"
for seed in ${SEEDS:-1 2 3}; do
    for task in magic drybean fashion_mnist mnist ecg_beats; do
        case $task in
            magic | drybean) settings="--epochs 6000 --cycle 100" ;;
            ecg_beats) settings="--epochs 2500 --cycle 84 --beta 2e-7 5e-4" ;;
            *) settings="--epochs 600 --cycle 25 --beta 1e-7 1e-4" ;;
        esac
        # shellcheck disable=SC2086
        [ -f "$folder/${task}_$seed.json" ] || nice -n 15 "$peer" benchmarks/peers/hgq2/front.py --data "$folder/data/$task.npz" \
            --out "$folder/${task}_$seed.json" --seed "$seed" $settings >"$folder/${task}_$seed.log" 2>&1
    done
done
.venv/bin/python -m benchmarks.peers.collect hgq2 "$folder"
