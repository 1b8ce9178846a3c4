# expect: error limit 39
import tiderace as tr


@tr.program
def f(a: int) -> int:
    if a > 0:
        if a > 0:
            if a > 0:
                if a > 0:
                    if a > 0:
                        if a > 0:
                            if a > 0:
                                if a > 0:
                                    if a > 0:
                                        if a > 0:
                                            if a > 0:
                                                if a > 0:
                                                    if a > 0:
                                                        if a > 0:
                                                            if a > 0:
                                                                if a > 0:
                                                                    if a > 0:
                                                                        if a > 0:
                                                                            if a > 0:
                                                                                if a > 0:
                                                                                    if a > 0:
                                                                                        if a > 0:
                                                                                            if a > 0:
                                                                                                if a > 0:
                                                                                                    if a > 0:
                                                                                                        if a > 0:
                                                                                                            if a > 0:
                                                                                                                if a > 0:
                                                                                                                    if a > 0:
                                                                                                                        if a > 0:
                                                                                                                            if a > 0:
                                                                                                                                if a > 0:
                                                                                                                                    if a > 0:
                                                                                                                                        if a > 0:
                                                                                                                                            if a > 0:
                                                                                                                                                if a > 0:
                                                                                                                                                    if a > 0:
                                                                                                                                                        if a > 0:
                                                                                                                                                            if a > 0:
                                                                                                                                                                if a > 0:
                                                                                                                                                                    a = 1
    return a
